"""Tests of autograder/running."""
