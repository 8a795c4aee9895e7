"""A corpus in the formats that others read: one module per format, and what they share."""
