"""Floor 0: what this process may use and what it ran on."""
