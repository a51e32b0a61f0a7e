"""Model answers: what a learner reads after passing an exercise."""
