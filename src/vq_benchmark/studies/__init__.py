"""Floor 4: studies: plans of cells and the executors that run them."""
