"""The page in a headless Chromium. Skipped where there is none; `make browser` installs it."""

import json
import os
import shutil
import subprocess

import chromium
import pytest
from typer.testing import CliRunner

from vq_benchmark.cli.main import app
from vq_benchmark.evaluation.sample_summary import SAMPLE_KEY, SampleSummary
from vq_benchmark.reports.comparison import comparisons
from vq_benchmark.reports.html.answer import Candidate, answer, recall_metric
from vq_benchmark.reports.html.page_data import page_data
from vq_benchmark.reports.html.writing import write_report
from vq_benchmark.reports.pareto import pareto_front
from vq_benchmark.reports.sizes import parsed_count
from vq_benchmark.results.database import Database

pytestmark = pytest.mark.skipif(chromium.program() is None, reason="no Chromium is installed; `make browser` does")
READY = "document.documentElement?.dataset.ready"
SERIOUS = ("serious", "critical")
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
OPENING_SECONDS = 3
SLOWER_THAN_SMALL = 4
"""Times as long as a small report that it may take where the machine is so slow that seconds say nothing."""


def with_reranking(run):
    """The same row with sizes, and recall that grows with the depth."""
    bits, recall = run.metrics["bits_per_dim"], run.metrics["recall_at_10"]
    sizes = {"code_bytes": 48 * bits, "model_bytes": 1e5}
    for depth, share in ((20, 0.5), (50, 0.8), (100, 0.9), (200, 0.95)):
        value = recall + share * (1 - recall)
        sizes |= {f"recall_10_at_{depth}": value, f"recall_10_at_{depth}_ci": [value - 0.01, min(1, value + 0.01)]}
    return run.__class__(**{**run.__dict__, "metrics": run.metrics | sizes})


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium.running_browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture
def opened(browser, tmp_path):
    """A function that writes a report of rows and opens it; afterwards nothing was requested and nothing is wrong."""
    pages = []

    def opened(runs, fragment="", width=1440):
        path = tmp_path / "report.html"
        write_report(list(runs), path, title="results.db")
        page = browser.page(width)
        page.open(path.as_uri() + fragment, READY)
        pages.append((page, path.as_uri()))
        return page

    yield opened
    for page, address in pages:
        assert page.errors() == []
        assert {url.partition("#")[0] for url in page.requests() if not url.startswith("data:")} == {address}
        page.close()


@pytest.fixture
def runs(make_sweep):
    return [with_reranking(run) for run in make_sweep()]


@pytest.fixture
def two_datasets(runs, make_sweep):
    return [*runs, *map(with_reranking, make_sweep(dataset="other", dataset_fingerprint="other"))]


def set_value(page, element, value, event="change"):
    page.evaluate(
        f"(of => {{ of.value = {json.dumps(value)}; of.dispatchEvent(new Event('{event}', {{bubbles: true}})) }})"
        f"(document.getElementById('{element}'))"
    )


def text_of(page, element):
    return page.evaluate(f"document.getElementById('{element}').textContent")


def axis_titles(page):
    return page.evaluate("['xtitle', 'ytitle'].map(c => document.querySelector(`#trade-off .${c}`).textContent)")


def trace(page, name):
    return page.evaluate(
        f"(t => t && [...t.x].map((x, i) => [x, t.y[i]]))"
        f"(document.getElementById('trade-off').data.find(t => t.name === '{name}'))"
    )


def test_the_pickers_change_the_axes_and_the_address_keeps_the_view(opened, runs):
    page = opened(runs)
    assert axis_titles(page) == ["Bits per dimension", "Recall@10 (share of the true top 10 found)"]
    set_value(page, "y", "relative_error")
    set_value(page, "x", "gigabytes")
    page.wait("document.querySelector('#trade-off .xtitle').textContent.startsWith('GB')")
    assert axis_titles(page) == ["GB for my vectors, model included", "Relative error (Σ‖x − x̂‖² / Σ‖x‖²)"]
    assert page.evaluate("document.getElementById('trade-off').layout.yaxis.type") == "log"
    again = opened(runs, page.evaluate("location.hash"))
    assert axis_titles(again) == axis_titles(page)


def test_points_intervals_and_the_pareto_front_are_those_of_the_rows(opened, runs):
    page = opened(runs)
    (comparison,) = comparisons(runs)
    points = [(each.bits, each.value("recall_at_10")) for each in comparison.summaries if not each.is_control]
    front = pareto_front(points, "lower", "higher")
    drawn = trace(page, "Pareto front")
    assert len(drawn) == len(front)
    assert [number for point in drawn for number in point] == pytest.approx([n for point in front for n in point])
    page.evaluate("document.getElementById('front').click()")
    assert trace(page, "Pareto front") is None
    page.evaluate("document.querySelector('#method-boxes input[value=pq]').click()")
    assert trace(page, "pq") is None
    assert trace(page, "opq") is not None
    set_value(page, "max", "2")
    assert max(x for x, _ in trace(page, "opq")) <= 2


def test_the_sliders_change_the_sentence_which_is_that_of_python(opened, runs):
    page = opened(runs)
    (dataset,) = page_data(runs, "results.db")["datasets"]
    sentences = set()
    for place, depth in enumerate((10, 20, 50, 100, 200)):
        set_value(page, "depth", str(place), "input")
        for target in (0.5, 0.8, 0.95, 0.985, 1.0):
            set_value(page, "target", str(target), "input")
            found = answer(candidates(dataset, depth), target, depth, dataset["n"], dataset["d"])
            assert text_of(page, "sentence") == found.sentence
            lit = trace(page, "smallest that is good enough")
            assert len(lit) == (found.chosen is not None)
            sentences.add(found.sentence)
    assert len(sentences) > 10
    set_value(page, "vectors", "1000000000")
    assert "1,000,000,000 vectors take" in text_of(page, "sentence") or "No configuration" in text_of(
        page, "sentence"
    )


def candidates(dataset, depth):
    name, of = recall_metric(depth), dataset["values"]
    return [
        Candidate(
            point["label"], of["bits_per_dim"][i], of["code_bytes"][i], of["model_bytes"][i], of[name][i],
            dataset["low"][name][i], dataset["high"][name][i],
        )
        for i, point in enumerate(dataset["points"])
    ]  # fmt: skip


def test_the_sentence_is_that_of_recommend(opened, runs, tmp_path):
    """At several targets and depths; for five vectors the model is most of the bytes."""
    stored = tmp_path / "results.db"
    Database(stored).put_all(runs)
    page = opened(list(Database(stored).runs()))
    for place, rerank in enumerate((None, 20, 50, 100, 200)):
        set_value(page, "depth", str(place), "input")
        for vectors in (None, "5", "100M") if rerank in (None, 50) else ("1M",):
            set_value(page, "vectors", str(parsed_count(vectors)) if vectors else "")
            for target in (0.6, 0.9 + 0.02 * place, 1.0):
                set_value(page, "target", str(target), "input")
                found = recommended(stored, target, rerank, vectors)
                assert text_of(page, "sentence") == found["sentence"]
                chosen = page.evaluate("document.querySelector('#trade-off-table .chosen button')?.textContent")
                assert (chosen or "").removesuffix(" ★") == (found["chosen"]["label"] if found["chosen"] else "")


def recommended(path, target, rerank, vectors):
    """What the command prints as JSON."""
    options = ["--db-path", str(path), "--target", f"recall_at_10={page_number(target)}", "--json"]
    options += ["--rerank", str(rerank)] if rerank else []
    options += ["--vectors", vectors] if vectors else []
    ran = CliRunner().invoke(app, ["recommend", *options])
    found = json.loads(ran.stdout)
    assert ran.exit_code == (0 if found["chosen"] else 1)
    return found


def page_number(target):
    """A target as the slider rounds it, to its step."""
    return round(round(target / 0.005) * 0.005, 3)


def test_the_matrix_is_walked_by_arrow_keys_and_its_numbers_are_those_of_the_data(opened, runs, with_queries):
    compared = [with_queries(run) for run in runs]
    page = opened(compared)
    (dataset,) = page_data(compared, "results.db")["datasets"]
    matrix = next(each for each in dataset["matrices"] if each["budget"] == 2)
    labels = [dataset["points"][place]["label"] for place in matrix["rows"]]
    drawn = page.evaluate(
        "[...document.querySelectorAll('#pairs-table tbody tr')].map(r => [...r.cells].map(c => c.textContent))"
    )
    assert len(drawn) == len(matrix["pairs"])
    for cells, (a, b, difference, *_) in zip(drawn, matrix["pairs"], strict=True):
        assert cells[:2] == [labels[a], labels[b]]
        assert float(cells[2].replace("−", "-")) == pytest.approx(difference, abs=5e-5)
    page.evaluate("document.querySelector('#pairs-matrix [tabindex=\"0\"]').focus()")
    page.press("ArrowDown")
    page.wait("location.hash.includes('pair=2-1')")
    assert text_of(page, "pair-sentence").startswith(f"{labels[2]} minus {labels[1]}: Recall@10 −")
    assert page.evaluate("document.activeElement.dataset.pair") == "2-1"
    assert page.evaluate("document.querySelectorAll('#pairs-matrix [tabindex=\"0\"]').length") == 1
    again = opened(compared, page.evaluate("location.hash"))
    assert text_of(again, "pair-sentence") == text_of(page, "pair-sentence")
    set_value(again, "pair-budget", "8")
    again.wait("location.hash.includes('pairBudget=8')")
    assert "of at most 8 bits" in text_of(again, "pairs-table")


def test_the_keyboard_opens_the_row_of_a_configuration_and_its_command(opened, runs):
    page = opened(runs)
    page.evaluate("document.querySelector('#trade-off-table td button').focus()")
    page.press("Enter", "\r")
    page.wait("document.getElementById('row').open")
    assert "vq-benchmark run --dataset pypi-minilm-384" in text_of(page, "row-content")
    assert "AMD EPYC" in text_of(page, "row-content")
    page.press("Escape")
    page.wait("!document.getElementById('row').open")
    page.wait("!location.hash.includes('row')")


def test_no_button_of_a_figure_uploads_it(opened, runs):
    page = opened(runs)
    titles = page.evaluate(
        "[...document.querySelectorAll('#trade-off .modebar-btn')].map(each => each.dataset.title)"
    )
    assert titles == ["Download plot", "Zoom", "Pan", "Zoom in", "Zoom out", "Reset axes"]


def test_a_mark_can_be_clicked(opened, runs):
    page = opened(runs)
    box = page.evaluate(
        "(b => [b.x + b.width / 2, b.y + b.height / 2])"
        "((document.querySelector('#trade-off').scrollIntoView({block: 'center'}),"
        "[...document.querySelectorAll('#trade-off .trace')].at(-3).querySelector('.point').getBoundingClientRect()))"
    )
    for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
        page.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)
    page.wait("document.getElementById('row').open")


def test_each_data_set_has_a_tab_of_its_own_and_ranks_unite_them(opened, two_datasets):
    page = opened(two_datasets)
    tabs = page.evaluate("[...document.querySelectorAll('[role=tab]')].map(tab => tab.textContent)")
    assert tabs == ["other", "pypi-minilm-384", "All data sets: ranks"]
    points = page.evaluate("document.getElementById('trade-off').data.find(t => t.name === 'pq').x.length")
    assert points == 4
    page.evaluate("document.querySelector('[role=tab]').focus()")
    page.press("ArrowRight")
    page.wait("document.getElementById('subject').textContent.startsWith('pypi')")
    page.press("ArrowRight")
    page.wait("!document.getElementById('ranks').hidden")
    assert "on 2 data sets. The critical difference is" in text_of(page, "ranks-sentence")
    assert page.evaluate("document.querySelectorAll('#ranks-table tbody tr').length") >= 3


def test_names_from_data_are_text_in_figures_tables_and_the_row(opened, make_run):
    changes = {"dataset": HOSTILE, "sweep_id": HOSTILE, "environment": {"cpu": HOSTILE}}
    page = opened([with_reranking(make_run(HOSTILE, 2.0, config={"m": HOSTILE}, **changes))])
    page.evaluate("document.querySelector('#trade-off-table td button').click()")
    assert HOSTILE in text_of(page, "row-content")
    assert page.evaluate("document.querySelectorAll('img').length") == 0
    assert "<script>alert(1)" in text_of(page, "method-boxes")
    assert "<script>alert(1)" in text_of(page, "trade-off")


def test_rows_without_recall_or_sizes_still_have_figures(opened, make_run):
    page = opened([make_run("pq", bits) for bits in (1.0, 2.0)], fragment="#y=no_metric&row=99&hidden=[%22x")
    assert page.evaluate("document.querySelectorAll('#trade-off .point').length") >= 2
    for part in ("reranking-section", "pairs-section", "spectrum-part"):
        assert page.evaluate(f"document.getElementById('{part}').hidden")


def test_the_bound_and_the_spectrum_are_lines_where_rows_have_them(opened, make_run):
    shares = {"components": [1, 8, 384], "variance_shares": [0.2, 0.6, 1.0], "effective_dimension": 9.0}
    sample = {SAMPLE_KEY: SampleSummary(1, 500, [1.0] * 7, 0, **shares).as_json()}
    runs = [make_run("pq", bits, extra={"bound_mse": 0.5**bits}, environment=sample) for bits in (1.0, 2.0)]
    page = opened(map(with_reranking, runs), "#y=mse")
    assert page.evaluate("document.getElementById('spectrum').data[0].y") == [0.2, 0.6, 1.0]
    assert "60.0 %" in text_of(page, "spectrum-table")
    assert [y for _, y in trace(page, "Gaussian bound")] == pytest.approx([0.5, 0.25])


@pytest.mark.parametrize("width", [390, 1440])
def test_the_page_fits_its_width(opened, two_datasets, width):
    page = opened(two_datasets, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_database_of_3000_rows_opens_fast(opened, make_run, make_sweep):
    runs = [
        with_reranking(make_run(f"method-{place % 30}", 0.5 + place % 100 / 12, config={"m": place}, strength=1.0))
        for place in range(3000)
    ]
    slowness = max(1.0, 2 * os.getloadavg()[0] / (os.cpu_count() or 1))
    small = float(opened(make_sweep()).evaluate(READY)) / 1000  # nearly all of it is plotly.js, on this machine
    page = opened(runs)
    assert page.evaluate("document.querySelectorAll('#trade-off .point').length") >= 3000
    assert float(page.evaluate(READY)) / 1000 < max(OPENING_SECONDS * slowness, SLOWER_THAN_SMALL * small)


def test_axe_finds_no_serious_violation(opened, two_datasets, with_queries, tmp_path):
    page = opened([with_queries(run) for run in two_datasets])
    page.evaluate(axe_source(tmp_path))
    for fragment in ("#tab=0", "#tab=0&row=1", "#tab=ranks"):
        page.evaluate(f"location.hash = '{fragment}'")
        page.wait(f"document.getElementById('ranks').hidden === {json.dumps(fragment != '#tab=ranks')}")
        found = page.evaluate("axe.run().then(({violations}) => violations)")
        assert [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in SERIOUS] == []


def axe_source(folder):
    """The text of axe-core from npm; skips the test where npm cannot be reached."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    command = ["npm", "pack", "axe-core@4", "--silent", "--pack-destination", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=30, cwd=folder)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"axe-core cannot be taken from npm: {error}")
    (archive,) = folder.glob("axe-core-*.tgz")
    shutil.unpack_archive(archive, folder, filter="data")
    return (folder / "package/axe.min.js").read_text()
