"""The memory that a method needs, estimated before it is fitted."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Footprint:
    """Bytes, to compare with the memory limit before a method runs. Estimates within 20 % are good enough."""

    model: int
    """The fitted model, with the tables that coding needs."""
    fitting: int
    """Peak of `fit`, besides the training vectors and the model."""
    row: int
    """Peak of encoding and decoding per vector, besides the vector, its code and its reconstruction."""
    row_in_flight: int
    """The same per vector that a thread is working on; each thread works on 1,024 (`kernels.tiles`)."""
    score_columns: int
    """Columns that `decode_for_scores` and `project_queries` return."""
    code: int
    """Bytes per vector in the search index."""
