"""Floor 1: the vector quantizers, where they come from, and the checks that they pass."""
