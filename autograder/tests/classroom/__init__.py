"""Grading whole classes."""
