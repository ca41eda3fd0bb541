"""Floor 1: where vectors come from."""
