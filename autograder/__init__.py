"""The autograder of the course. What a notebook uses is imported on first use.

The processes that run learners' code import this package too: it must not pull in a reference or a verdict.
"""
