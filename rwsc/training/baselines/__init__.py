"""The losses and steps by which the baselines of Table 2 are trained."""
