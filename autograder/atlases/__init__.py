"""What an error atlas shows of each exercise: a family of inputs, the naive form and the stable one."""
