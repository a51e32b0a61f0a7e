"""Both sides of the wall between the grader and learners' code."""
