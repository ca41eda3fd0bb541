"""Floor 1: the vector quantizers, one file per family of methods."""
