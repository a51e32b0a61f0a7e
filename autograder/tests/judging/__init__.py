"""Tests of autograder/judging."""
