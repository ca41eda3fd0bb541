import re
from io import StringIO

from vq_benchmark.machine.terminal import Terminal
from vq_benchmark.reports.pareto_marks import PARETO_MARK
from vq_benchmark.reports.tables import print_results, results_text


def all_columns_text(runs, width):
    out = StringIO()
    print_results(runs, Terminal(file=out, width=width, color_system=None), all_columns=True)
    return out.getvalue()


def row_of(text, method):
    return next(line for line in text.splitlines() if line.replace(PARETO_MARK, "").split()[:1] == [method])


def test_a_row_shows_what_was_measured(make_run):
    numbers = {
        "mse": 0.0123456, "recall_at_1": 0.5, "recall_at_1_ci": [0.48, 0.53], "recall_at_10": 0.8214,
        "recall_at_10_ci": [0.81, 0.83], "recall_at_100": 0.9, "recall_at_100_ci": [0.9, 0.9],
        "encode_vectors_per_second": 152_300.0,
    }  # fmt: skip
    text = results_text([make_run("pq", 2.0, config={"m": 96, "nbits": 8}, extra=numbers)])
    assert row_of(text, "pq").split() == [
        "pq", "m=96", "nbits=8", "2", "96", "16x", "0.01235", "0.500±.025", "0.821±.010", "0.900", "152k",
    ]  # fmt: skip
    for said in ("pypi-minilm-384: 100,000 vectors × 384 dimensions, cosine", "1,000 queries", "2 threads"):
        assert said in text.replace("\n", " ")


def test_a_table_per_data_set_in_order_and_failures_apart(make_sweep, make_run):
    failed = make_run(
        "opq", 3.0, status="failed", metrics={}, error="Traceback\n  frame\nMemoryError: [red]too big[/x]"
    )
    text = results_text([*make_sweep(dataset="b"), *make_sweep(dataset="a"), failed], width=100)
    assert text.index("a: 100,000") < text.index("b: 100,000") < text.index("failed: 1")
    assert "MemoryError: [red]too big[/x]" in text
    assert "Traceback" not in text
    assert text.count("none*") == 2


def test_text_keeps_its_width_and_never_cuts_a_number(make_sweep):
    wide, narrow = (all_columns_text(make_sweep(), width=width) for width in (100, 40))
    assert max(map(len, wide.splitlines())) <= 100
    assert max(map(len, results_text(make_sweep(), width=80).splitlines())) <= 80
    assert "…" not in wide + narrow

    def numbers(text):
        return [word for word in text.split() if "±" in word and ":" not in word]

    assert sorted(numbers(narrow)) == sorted(numbers(wide))


def test_one_table_fits_and_says_what_it_leaves_out(make_run):
    judged = {"mrr_at_10": 0.3, "mrr_at_10_ci": [0.29, 0.31], "mrr_at_10_exact": 0.35, "fit_seconds": 41.26}
    runs = [make_run("pq", 2.0, extra=judged), make_run("rabitq", 4.125, extra=judged)]
    for width in (50, 60, 80):
        text = results_text(runs, width=width)
        lines = text.splitlines()
        assert max(map(len, lines)) <= width
        assert len([line for line in lines if line.startswith("pq")]) == 1
        header = " ".join(lines[1:5])
        assert "recall@10" in header
        omitted = re.search(r"not shown: (.*); --all-columns prints them", " ".join(lines))
        assert omitted
        assert "mrr@10 exact" in omitted[1]
    assert "41.3s" in row_of(results_text(runs, width=80), "pq")


def test_rows_on_the_front_are_marked(make_run):
    def recall(value):
        return {"recall_at_10": value, "recall_at_10_ci": [value, value]}

    small, beaten = make_run("pq", 2.0, extra=recall(0.8)), make_run("sq", 4.0, extra=recall(0.7))
    best, control = make_run("opq", 4.0, extra=recall(0.9)), make_run("none", 32.0)
    text = results_text([small, beaten, best, control])
    assert {line.split()[0] for line in text.splitlines() if PARETO_MARK in line.split(" ")[0]} == {
        f"pq{PARETO_MARK}",
        f"opq{PARETO_MARK}",
    }
    assert "Pareto front" in text
    assert PARETO_MARK not in results_text([small, control])


def test_parameters_that_all_rows_of_a_method_share_are_named_once(make_run):
    runs = [make_run("saq", bits, config={"bits": bits, "block": 8}) for bits in (1.0, 2.0)]
    text = results_text([*runs, make_run("pq", 3.0, config={"m": 96, "nbits": 8})])
    assert row_of(text, "saq").split()[1:3] == ["bits=1.0", "1"]
    assert row_of(text, "pq").split()[1:3] == ["m=96", "nbits=8"]
    assert "all saq: block=8" in text


def test_retrieval_column_only_when_there_are_judgements(make_run):
    judged = {"mrr_at_10": 0.3, "mrr_at_10_ci": [0.29, 0.31], "mrr_at_10_exact": 0.35}
    assert "mrr@10" not in results_text([make_run("pq", 2.0)])
    text = results_text([make_run("pq", 2.0, extra=judged), make_run("sq", 4.0)], width=120)
    assert "0.300±.010" in row_of(text, "pq")
    assert "0.350" in row_of(text, "pq")
    assert "-" in row_of(text, "sq").split()


def test_a_loss_says_whether_it_is_significant(make_run):
    def shown(loss, interval, **changes):
        judged = {"mrr_at_10": 0.3, "mrr_at_10_loss": loss, "mrr_at_10_loss_ci": interval, "judged_queries": 50}
        return make_run("pq", 2.0, extra=judged, **changes)

    def cell(*runs):
        text = results_text(runs, width=120)
        assert "ⁿˢ: not significant, its interval contains 0" in " ".join(text.split())
        assert "1,000 queries, 50 judged queries" in " ".join(text.split())
        return row_of(text, "pq").split()[10]

    assert cell(shown(0.02, [0.01, 0.03])) == "0.020±.010"
    assert cell(shown(-0.02, [-0.03, -0.01])) == "-0.020±.010"
    assert cell(shown(0.02, [0, 0.03])) == "0.020±.015ⁿˢ"
    assert cell(shown(-0.0001, [-0.002, 0.002])) == "0.000±.002ⁿˢ"
    assert cell(shown(0.0, [0.0, 0.0])) == "0.000ⁿˢ"
    # Of several seeds, all must agree.
    assert cell(shown(0.02, [0.01, 0.03]), shown(0.01, [-0.01, 0.03], seed=1)) == "0.015±.020ⁿˢ"
    assert "ⁿˢ" not in results_text([make_run("pq", 2.0)])


def test_seeds_are_counted_when_there_are_several(make_sweep):
    text = results_text(make_sweep(seeds=3), width=120)
    assert row_of(text, "pq").split()[-1] == "3"
    assert row_of(text, "none*").split()[-1] == "1"
    assert len([line for line in text.splitlines() if line.startswith("pq ")]) == 4
    assert "over all seeds" in text


def test_rows_without_ground_truth_and_hostile_names(make_run):
    run = make_run("pq", 2.0, dataset="[bold]$x_{\n\x1b[31m" + "y" * 200)
    bare = {name: value for name, value in run.metrics.items() if not name.startswith("recall")}
    text = results_text([make_run("pq", 2.0, dataset=run.dataset, metrics=bare)])
    assert "recall" not in text.splitlines()[4]
    assert row_of(text, "pq").split()[1:5] == ["bits=2.0", "2", "96", "16x"]
    assert "[bold]$x_{" in text
    assert "\x1b" not in text


def test_external_rows_are_marked_and_the_mark_is_explained(make_run):
    external = make_run("rabitqlib", 4.4, environment={"external": True})
    text = results_text([external, make_run("rabitq", 4.1)], width=120)
    assert row_of(text, "rabitqlib†")
    assert row_of(text, "rabitq")
    assert "†: encoded by another project's library" in text.replace("\n", " ")
    assert "†" not in results_text([make_run("rabitq", 4.1)])


def test_rows_above_their_budget_are_marked_and_the_mark_is_explained(make_run):
    text = results_text([make_run("rabitq", 1.125, budget=1.0), make_run("pq", 1.0, budget=1.0)], width=120)
    assert "1.12‡" in row_of(text, "rabitq")
    assert "‡" not in row_of(text, "pq")
    assert "‡: over its budget of bits" in " ".join(text.split())
    assert "‡" not in results_text([make_run("rabitq", 1.125, budget=1.125)])
