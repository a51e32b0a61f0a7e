"""Grades a whole class: reads submissions, keeps records, shares the work out."""
