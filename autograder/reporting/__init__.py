"""Turns verdicts into text, HTML and JSON."""
