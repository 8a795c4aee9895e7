"""Ways to put an item into a bag behind one interface."""
