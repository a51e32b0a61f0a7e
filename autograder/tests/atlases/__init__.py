"""Tests of autograder/exact: each reference against mpmath, called there directly."""
