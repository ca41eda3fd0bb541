"""Ranges of rows, [start, stop)."""

Span = tuple[int, int]


def joined(spans: list[Span]) -> list[Span]:
    """The spans in ascending order with neighbours joined; ValueError if two overlap."""
    out: list[Span] = []
    for start, stop in sorted(span for span in spans if span[0] < span[1]):
        if out and start < out[-1][1]:
            raise ValueError(f"rows {start} to {min(stop, out[-1][1])} were seen twice")
        if out and start == out[-1][1]:
            out[-1] = (out[-1][0], stop)
        else:
            out.append((start, stop))
    return out


def gaps(spans: list[Span], n: int) -> list[Span]:
    """The row ranges of [0, n) that no span covers; spans as `joined` gives them."""
    edges = [0, *(edge for span in spans for edge in span), n]
    return [(start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True) if start < stop]


def next_row(done: Span, start: int, stop: int) -> int:
    """Where a pass over rows [start, stop) goes on whose rows `done` are done; ValueError if it did not begin so."""
    if done[0] != start or not start < done[1] <= stop:
        raise ValueError(f"rows {done[0]} to {done[1]} are no beginning of the rows {start} to {stop}")
    return done[1]
