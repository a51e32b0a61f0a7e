"""Tests of autograder/specs."""
