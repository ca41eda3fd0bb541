"""The search against an exhaustive one, on made-up methods whose recall grows with bytes and falls with rows."""

from hypothesis import given, settings
from hypothesis import strategies as st

from vq_benchmark.studies.recommending.goals import Reading
from vq_benchmark.studies.recommending.search import MARGIN, Configuration, Search

VECTORS = 1000
methods = st.lists(
    st.tuples(
        st.lists(st.tuples(st.integers(1, 40), st.floats(-0.2, 0.2)), min_size=1, max_size=12),
        st.integers(0, 5000),
    ),
    min_size=1,
    max_size=5,
)


def made(draws, known):
    """Configurations, what each has beyond the goal on the whole base, and their true model sizes."""
    values, models = {}, {}
    for number, (curve, model) in enumerate(draws):
        sizes = sorted({size for size, _ in curve})
        for size, value in zip(sizes, sorted(value for _, value in curve), strict=False):
            each = Configuration(f"m{number}", f"m{number} {size}", size, model if known else 0)
            values[each], models[each] = value, model
    return values, models


def searched(values, models, width, drops=None, **changes):
    """The finished search and the number of measurements of each level."""
    search = Search(list(values), VECTORS, **changes)
    counts = {"part": 0, "whole": 0}
    while (probe := search.next()) is not None:
        each = probe.configuration
        search.models[each] = models[each]
        if not search.wants(probe):
            continue
        assert each not in (search.parts if probe.level == "part" else search.wholes), "nothing is measured twice"
        counts[probe.level] += 1
        value = values[each] + (drops[each] if probe.level == "part" else 0)
        (search.parts if probe.level == "part" else search.wholes)[each] = Reading(
            value, value - width, value + width
        )
    return search, counts


def smallest(values, models, width):
    """The size of the answer of measuring everything."""
    sizes = [VECTORS * each.code_bytes + models[each] for each, value in values.items() if value - width >= 0]
    return min(sizes, default=None)


def size_of_answer(search):
    best = search.best()
    return None if best is None else search.size(best)


@settings(max_examples=300, deadline=None)
@given(methods, st.sampled_from([0.0, 0.01, 0.05]), st.booleans())
def test_without_a_part_the_answer_is_that_of_measuring_everything(draws, width, known):
    values, models = made(draws, known)
    search, _ = searched(values, models, width)
    assert size_of_answer(search) == smallest(values, models, width)


@settings(max_examples=300, deadline=None)
@given(methods, st.sampled_from([0.0, 0.01, 0.05]), st.booleans(), st.data())
def test_with_an_easier_part_it_is_too_however_much_easier(draws, width, known, data):
    values, models = made(draws, known)
    drops = {each: data.draw(st.floats(-MARGIN, 0.3)) for each in values}
    search, _ = searched(values, models, width, drops, has_part=True)
    assert size_of_answer(search) == smallest(values, models, width)


@settings(max_examples=100, deadline=None)
@given(methods, st.sampled_from([0.0, 0.05]))
def test_all_that_is_smaller_than_the_answer_is_ruled_out_or_undecided(draws, width):
    values, models = made(draws, known=True)
    search, _ = searched(values, models, width)
    best = search.best()
    for each, value in values.items():
        if best is None or search.size(each) < search.size(best):
            assert search.verdict(each) == ("misses" if value + width < 0 else "undecided")


def grid_of(count, methods):
    """Methods with `count` codes each; each reaches the goal at a quarter of its codes, later ones slightly later."""
    return {
        Configuration(f"m{m}", f"m{m} {size}", size): 0.01 * (size - count // 4 - m / 10)
        for m in range(methods)
        for size in range(1, count + 1)
    }


def test_a_search_measures_a_small_share_of_the_grid():
    values = grid_of(24, 6)
    models = dict.fromkeys(values, 0)
    search, counts = searched(values, models, 0.0005, dict.fromkeys(values, 0.03), has_part=True)
    assert search.best() == Configuration("m0", "m0 7", 7)
    assert counts["whole"] <= 10
    assert counts["part"] <= 15
    _, counts = searched(values, models, 0.0005)
    assert counts["whole"] <= 15


def test_a_part_that_misleads_is_not_used():
    values = grid_of(8, 2)
    search = Search(list(values), VECTORS, has_part=True)
    first = next(iter(values))
    search.parts[first], search.wholes[first] = Reading(-0.5, -0.5, -0.5), Reading(-0.1, -0.2, 0.1)
    assert not search.part_is_trusted
    assert search.next().level == "whole"
    assert search.verdict(first) == "undecided"


def test_of_every_method_the_largest_code_that_fits_is_measured():
    values = grid_of(8, 2)
    models = dict.fromkeys(values, 1500)
    search, counts = searched(values, models, 0.0, limit=5500, best_that_fits=True)
    assert sorted(each.code_bytes for each in search.wholes) == [4, 4]
    assert counts["whole"] == 2


def test_what_failed_is_not_tried_again():
    values = grid_of(4, 1)
    search = Search(list(values), VECTORS)
    while (probe := search.next()) is not None:
        search.failed.add(probe.configuration)
    assert search.best() is None
    assert search.failed == set(values)
