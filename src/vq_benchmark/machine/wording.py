"""Counts in sentences."""


def number_of(count: int, noun: str, plural: str = "") -> str:
    """`1 passage`, `2,000 passages`; the plural is needed where it is not the noun with an s."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"
