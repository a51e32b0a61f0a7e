"""Tests of autograder/reporting."""
