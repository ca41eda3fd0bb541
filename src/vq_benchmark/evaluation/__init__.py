"""Floor 3: one streaming pass over a data set, and the metrics made from it."""
