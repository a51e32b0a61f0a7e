"""Measures the model answers against torch: time, memory, accuracy. Trusted code only; no verdict hangs on it."""
