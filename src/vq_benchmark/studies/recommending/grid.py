"""Which configurations a search considers: those that a sweep of its methods and budgets would measure."""

DEFAULT_METHODS = ("segmented-eden", "saq", "rabitq", "sq", "pq", "opq")
"""In the order of the search: those that train fast set a size which the others have to beat."""
DEFAULT_BITS = (
    0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 2.75, 3.0, 3.25, 3.5, 3.75, 4.0,
    4.5, 5.0, 5.5, 6.0, 7.0, 8.0,
)  # fmt: skip
"""Budgets in bits per dimension; neighbours differ by 7 to 50 %, above 1 bit by at most 25 %."""
