"""Scan archives read into a catalogue: one row per scan, whatever became of it."""
