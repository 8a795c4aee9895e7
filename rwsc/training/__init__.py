"""Samples, losses and the optimisation step; knows nothing of clusters."""
