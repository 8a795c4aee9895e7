"""Measure what rwsc does against what is known."""
