"""Where a learner writes: one function after the other, checked by `check`."""
