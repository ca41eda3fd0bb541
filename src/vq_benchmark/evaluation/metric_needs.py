"""What a metric needs from a measurement, for its record and for the evidence that it is computed from."""

from typing import Literal

Need = Literal["vectors", "pairs", "ground truth", "judgements", "cell", "search index"]
""""cell" and "search index" mark what is measured outside the pass: time, memory and searches."""
