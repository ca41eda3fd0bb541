"""Floor 4: studies: plans of cells, and the ways to run them."""
