"""The rwsc command: one module per group of verbs."""
