"""A synthetic corpus: its plan, its manifest, its commits and what is made from them."""
