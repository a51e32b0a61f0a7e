"""Tests of the class pages."""
