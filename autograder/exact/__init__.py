"""One module per chapter: the exact answers, as float64 formulas that keep their digits and in mpmath."""
