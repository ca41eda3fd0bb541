"""About how much memory a method takes, which is known before it is fitted."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Footprint:
    """Bytes, to be compared with what a process may use before a method is run; within some 20 % is near enough."""

    model: int
    """The fitted model, with the tables that coding needs."""
    fitting: int
    """What `fit` takes at its peak, beside the training vectors and the model."""
    row: int
    """What coding takes at its peak for one vector, beside it, its code, and what it is decoded to."""
    row_in_flight: int
    """The same for one of the vectors that threads are at work on, 1,024 each: see `kernels.tiles`."""
    score_columns: int
    """Numbers that `decode_for_scores` gives for a vector, and `project_queries` for a query."""
    code: int
    """A vector in the search index."""
