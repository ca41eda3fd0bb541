"""The choice among measured configurations, and how many queries would decide an open one."""

from dataclasses import replace

import pytest

from vq_benchmark.reports.comparison import comparisons
from vq_benchmark.reports.html.answer import Candidate, answer
from vq_benchmark.reports.html.page_data import page_data
from vq_benchmark.reports.recommendation.advice import Advice, Question, queries_to_decide
from vq_benchmark.reports.recommendation.facts import facts, table
from vq_benchmark.reports.recommendation.needs import needs
from vq_benchmark.reports.recommendation.wording import paragraphs, seconds_text, sentence
from vq_benchmark.studies.cells import OPTIONS_KEY
from vq_benchmark.studies.recommending.goals import Goal, Reading, recall_goal

RECALL = Goal("recall_at_10", 0.9)
DATA = {"dataset": "base.npy"}


def advised(runs, goals=(RECALL,), vectors=1_000_000, **question):
    (comparison,) = comparisons(runs)
    return Advice.of(comparison, Question(tuple(goals), vectors, **question))


def row(make_run, method, bits, recall, half, **metrics):
    extra = {"recall_at_10": recall, "recall_at_10_ci": [recall - half, recall + half], "fit_seconds": 3.0} | metrics
    return make_run(method, bits, extra=extra)


@pytest.fixture
def rows(make_run):
    return [
        row(make_run, "sq", 1, 0.80, 0.01),
        row(make_run, "sq", 2, 0.905, 0.01),
        row(make_run, "pq", 3, 0.93, 0.01),
        row(make_run, "opq", 3.3, 0.95, 0.01),
        row(make_run, "pq", 4, 0.99, 0.005),
        row(make_run, "none", 32, 1.0, 0.0),
    ]


def test_the_smallest_whose_interval_clears_the_goal_is_chosen(rows):
    advice = advised(rows)
    assert (advice.chosen.label, advice.runner_up.label) == ("pq bits=3", "opq bits=3.3")
    assert [each.label for each in advice.undecided] == ["sq bits=2"]
    assert [each.label for each in advice.ruled_out] == ["sq bits=1"]


def test_rows_that_most_were_not_measured_like_are_left_out_and_named(rows, make_run):
    def trained(run, size):
        return replace(
            run, environment=run.environment | {OPTIONS_KEY: {"data": DATA, "measure": {"train_size": size}}}
        )

    odd = trained(row(make_run, "sq", 1, 0.99, 0.001, fresh=1), 260)
    alike = [trained(each, 1000) for each in rows]
    advice = advised([*alike, odd])
    assert (advice.chosen.label, advice.comparison.alike(()).summaries) == ("pq bits=3", advice.comparison.summaries)
    said = paragraphs(advice)[-1]
    assert said == (
        "This answer is of the rows with train_size=1000. Left out, as they were measured differently: 1 "
        "configuration (train_size=260)."
    )
    assert "--train-size 1000" in needs(advice, [])[-1]
    reranked = trained(row(make_run, "sq", 2, 0.9, 0.01, recall_10_at_50=0.95, recall_10_at_50_ci=[0.94, 0.96]), 300)
    advice = advised([*alike, reranked], [Goal("recall_10_at_50", 0.9)])
    assert (advice.chosen.summary.runs, advice.unlike) == ((reranked,), ())


@pytest.mark.parametrize("target", [0.5, 0.85, 0.9, 0.93, 0.97, 0.99, 0.999])
@pytest.mark.parametrize("vectors", [1000, 10**8])
def test_the_sentence_and_the_choice_are_those_of_the_page(make_sweep, target, vectors):
    runs = make_sweep(3)
    (dataset,) = page_data(runs, "title")["datasets"]
    of = dataset["values"]
    candidates = [
        Candidate(
            point["label"], of["bits_per_dim"][i], of["code_bytes"][i], of["model_bytes"][i], of["recall_at_10"][i],
            dataset["low"]["recall_at_10"][i], dataset["high"]["recall_at_10"][i],
        )
        for i, point in enumerate(dataset["points"])
    ]  # fmt: skip
    found = answer(candidates, target, 10, vectors, dataset["d"])
    advice = advised(runs, [Goal("recall_at_10", target)], vectors)
    assert sentence(advice) == found.sentence
    assert (advice.chosen and advice.chosen.label) == found.chosen


def test_several_goals_must_all_be_reached(make_run):
    losses = [{"mrr_at_10_loss": loss, "mrr_at_10_loss_ci": [loss - 0.002, loss + 0.002]} for loss in (0.01, 0.001)]
    runs = [row(make_run, "pq", 2, 0.95, 0.01, **losses[0]), row(make_run, "pq", 3, 0.96, 0.01, **losses[1])]
    advice = advised(runs, [RECALL, Goal("mrr_at_10_loss", 0.005)])
    assert advice.chosen.label == "pq bits=3"
    assert "a recall@10 of at least 0.900 and a loss of MRR@10 of at most 0.005" in sentence(advice)
    assert [each.label for each in advice.ruled_out] == ["pq bits=2"]


def test_the_best_that_fits_needs_no_target(rows):
    advice = advised(rows, [recall_goal(None)], limit=3.5 * 48 * 1_000_000, best_that_fits=True)
    assert advice.chosen.label == "opq bits=3.3"
    assert sentence(advice).startswith(
        "opq bits=3.3 has the best recall@10 of the configurations that take at most 168.0 MB: 0.950"
    )
    nothing = advised(rows, [recall_goal(None)], limit=10, best_that_fits=True)
    assert nothing.chosen is None
    assert sentence(nothing) == "No row within the limit has recall@10."
    assert table(nothing) is None


def test_a_limit_also_bounds_what_reaches_a_goal(rows):
    advice = advised(rows, limit=2.5 * 48 * 1_000_000)
    assert advice.chosen is None
    assert "The best is sq bits=2 with 0.905" in sentence(advice)


def test_a_short_encoding_is_not_about_less_than_a_second(rows):
    text = "\n".join(paragraphs(advised(rows, vectors=1000)))
    assert "encoding 1,000 vectors takes less than 1 s" in text


def test_the_paragraphs_say_what_the_choice_costs(rows):
    text = "\n".join(paragraphs(advised(rows), price=2.0))
    assert "Each vector takes 144.0 bytes instead of 1536 of float32; float32 would take 1.5 GB." in text
    assert "At 2 per GB, that costs 0.29 instead of 3.07 for float32." in text
    assert "Training took 3 s, and encoding 1,000,000 vectors takes about" in text
    assert "Runner-up: opq bits=3.3, 10.0 % larger, with 0.950 (95 % interval 0.940 to 0.960)" in text
    assert "Smaller and undecided with 1,000 queries: sq bits=2 (about 4,000 would decide)." in text
    assert "Smaller and ruled out, the best of each method: sq bits=1 (0.800)." in text


def test_re_ranking_is_mentioned_where_it_makes_do_with_less(rows, make_run):
    deep = {"recall_10_at_50": 0.98, "recall_10_at_50_ci": [0.97, 0.99]}
    text = "\n".join(paragraphs(advised([*rows, row(make_run, "rabitq", 0.5, 0.6, 0.01, **deep)])))
    assert "if each query reads 50 exact vectors (76.8 kB), rabitq bits=0.5 reaches 0.980 with 24.0 MB" in text


@pytest.mark.parametrize(
    ("reading", "needed"),
    [
        (Reading(0.005, -0.005, 0.015), 2000),
        (Reading(-0.005, -0.02, 0.01), 4500),
        (Reading(0.0, -0.01, 0.01), None),
    ],
)
def test_the_queries_that_would_decide_follow_from_the_width(reading, needed):
    assert queries_to_decide(reading, 500) == needed


def test_what_stored_rows_leave_open_is_said_with_the_command_that_looks(rows):
    *_, last = found = needs(advised(rows), ["--target", "recall_at_10=0.9"])
    assert "Not measured: trellis, segmented-eden, saq, rabitq." in found
    assert "No smaller code of pq was measured." in found
    assert last.endswith("vq-benchmark recommend --dataset pypi-minilm-384 --metric cosine --target recall_at_10=0.9")


def test_json_has_the_numbers_of_the_sentence(rows):
    found = facts(advised(rows), price=2.0)
    assert found["chosen"]["bytes_per_vector"] == 144
    assert found["chosen"]["price"] == pytest.approx(0.288)
    assert found["undecided"][0]["queries_to_decide"] == 4000
    assert found["sentence"] == sentence(advised(rows))


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "less than 1 s"), (42, "42 s"), (240, "4 min"), (9000, "2.5 h")])
def test_durations_are_in_units_of_people(seconds, text):
    assert seconds_text(seconds) == text
