"""Counts in sentences."""

from vq_benchmark.machine.wording import number_of


def test_one_is_singular():
    found = [number_of(count, "query", "queries") for count in (0, 1, 2000)]
    assert found == ["0 queries", "1 query", "2,000 queries"]
    assert number_of(1, "passage") == "1 passage" and number_of(3, "passage") == "3 passages"
