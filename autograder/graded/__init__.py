"""One pytest item per case of every exercise: `python -m pytest --package exercises autograder/graded`."""
