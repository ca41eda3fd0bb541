"""Ranges of rows, [start, stop)."""

Span = tuple[int, int]


def joined(spans: list[Span]) -> list[Span]:
    """The spans in ascending order, with adjacent ones joined; ValueError if two overlap."""
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
    """The row ranges of [0, n) that no span covers; `spans` must be joined."""
    edges = [0, *(edge for span in spans for edge in span), n]
    return [(start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True) if start < stop]


def next_row(done: Span, start: int, stop: int) -> int:
    """The row at which a pass over [start, stop) resumes after `done`; ValueError if `done` is not its beginning."""
    if done[0] != start or not start < done[1] <= stop:
        raise ValueError(f"rows {done[0]} to {done[1]} are not the beginning of rows {start} to {stop}")
    return done[1]
