"""Grades in the formats of the tools that instructors use."""
