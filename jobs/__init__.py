"""Entry points that `ray job submit` runs; no logic of their own."""
