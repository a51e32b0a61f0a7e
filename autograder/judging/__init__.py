"""Pure judgement: exact answers, closeness, diagnosis, verdicts. Knows nothing of processes or screens."""
