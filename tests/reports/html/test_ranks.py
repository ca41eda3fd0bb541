import pytest

from vq_benchmark.reports.comparison import comparisons
from vq_benchmark.reports.html.ranks import critical_difference, rankings


@pytest.mark.parametrize(("methods", "quantile"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_the_critical_difference_is_that_of_demsar(methods, quantile):
    expected = quantile * (methods * (methods + 1) / (6 * 12)) ** 0.5
    assert critical_difference(methods, 12) == pytest.approx(expected, rel=1e-3)


def test_methods_are_ranked_on_each_data_set_and_ties_share_their_ranks(make_run):
    recalls = {"one": {"pq": 0.9, "sq": 0.8, "saq": 0.95}, "two": {"pq": 0.7, "sq": 0.7, "saq": 0.9}}
    runs = [
        make_run(method, 2.0, dataset=dataset, dataset_fingerprint=dataset, extra={"recall_at_10": recall})
        for dataset, of in recalls.items()
        for method, recall in of.items()
    ]
    (found,) = [each for each in rankings(comparisons(runs), ["recall_at_10"]) if each.budget == 2]
    assert dict(zip(found.methods, found.mean_ranks, strict=True)) == {"saq": 1.0, "pq": 2.25, "sq": 2.75}
    assert found.values == ((0.95, 0.9), (0.9, 0.7), (0.8, 0.7))


def test_a_method_takes_part_within_its_budget_and_only_where_it_is_on_every_data_set(make_sweep):
    first, second = make_sweep(), make_sweep(dataset="other", dataset_fingerprint="other")
    found = {each.budget: each.methods for each in rankings(comparisons(first + second), ["recall_at_10"])}
    assert set(found[8.0]) == {"pq", "opq", "sq", "rabitq"}
    assert set(found[2.0]) == {"pq", "opq", "rabitq"}
    assert 1.0 not in found  # rabitq needs more than 1 bit, so two methods are left


def test_one_data_set_has_no_ranks(make_sweep):
    assert rankings(comparisons(make_sweep()), ["recall_at_10"]) == []
