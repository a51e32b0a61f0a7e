"""Tests; this package alone may import everything."""
