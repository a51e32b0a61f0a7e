"""One module per chapter: what is asked of its exercises."""
