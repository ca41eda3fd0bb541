"""The sentence after a table names the smallest of the best at each budget."""

import numpy as np

from vq_benchmark.evaluation.per_query import PerQuery
from vq_benchmark.reports.choices import choices_sentence, choices_text
from vq_benchmark.reports.comparison import comparisons
from vq_benchmark.reports.sizes import Sizes


def row(make_run, method, bits, budget, recall, **extra):
    found = np.full(200, recall)
    kept = PerQuery("same", 100, {"recall_at_10": found}).to_bytes()
    changes = {"recall_at_10": recall, "recall_at_10_ci": [recall, recall]} | extra
    return make_run(method, bits, extra=changes, per_query=kept, budget=budget)


def sentence(runs):
    (comparison,) = comparisons(runs)
    return choices_sentence(comparison)


def test_methods_are_named_once_with_their_budgets(make_run):
    runs = [
        row(make_run, "saq", 1.0, 1.0, 0.7), row(make_run, "saq", 2.0, 2.0, 0.9),
        row(make_run, "pq", 1.0, 1.0, 0.5), row(make_run, "sq", 8.0, 8.0, 0.99), make_run("none", 32.0),
    ]  # fmt: skip
    assert sentence(runs) == "Take saq at 1 and 2 bits per dimension (recall@10 0.700, 0.900) and sq at 8 (0.990)."


def test_of_equally_good_ones_the_smallest_is_taken_and_none_that_a_smaller_row_beats(make_run):
    equal = [row(make_run, "pq", 0.9, 1.0, 0.7), row(make_run, "opq", 1.0, 1.0, 0.7)]
    assert sentence(equal) == "Take pq at 1 bit per dimension (recall@10 0.700)."
    large_model = row(make_run, "opq", 1.0, 1.0, 0.8, total_bits_per_dim=3.0)
    better = row(make_run, "saq", 2.0, 2.0, 0.9)
    assert sentence([large_model, better]) == "Take saq at 2 bits per dimension (recall@10 0.900)."


def test_nothing_is_said_without_marks_and_data_sets_are_named_where_there_are_several(make_run):
    runs = [row(make_run, "saq", 1.0, 1.0, 0.7), row(make_run, "pq", 1.0, 1.0, 0.5)]
    assert sentence([make_run("pq", 1.0), make_run("sq", 2.0)]) is None
    assert choices_text([], Sizes()) == []
    assert choices_text(runs, Sizes()) == [sentence(runs)]
