"""The pages of a graded class: figures out of records, and HTML out of figures."""
