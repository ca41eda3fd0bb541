"""Where an engine's setting loses recall: known numbers, companions found, and the table and page that show them."""

import pytest

from vq_benchmark.quantizers.engines.choosing import BY_NAME
from vq_benchmark.reports.comparison import comparisons
from vq_benchmark.reports.engine_losses import engine_losses
from vq_benchmark.reports.html.page_data import page_data
from vq_benchmark.reports.tables import results_text


@pytest.fixture
def rows(make_run):
    def of(engine, recall, answer=None, rerank="exact", **config):
        setting = BY_NAME[engine].at(384, "cosine")
        given = setting.parsed().model_copy(update=config).model_dump(mode="json")
        extra = {"recall_at_10": recall, "recall_10_at_100": 0.95, "code_bytes": 48}
        extra |= {} if answer is None else {"recall_at_10_reranked": answer}
        environment = {"rerank": rerank} | ({} if config else {"engine": engine})
        queries = "float" if config else setting.query_bits
        return make_run(setting.method, 1, config=given, extra=extra, environment=environment, query_bits=queries)

    return [
        of("pgvector:bit", 0.5),
        of("pgvector:bit-rerank", 0.5, answer=0.8, rerank="os=4,from=exact"),
        of("pgvector:bit", 0.7, queries="float"),  # a row of the method
        of("faiss:SQ8", 0.99),
        of("usearch:i8", 0.9),
        make_run("pq", 2),
    ]


def test_losses_add_up_to_the_answer(rows):
    (group,) = comparisons(rows)
    found = {each.summary.engine: each for each in engine_losses(group)}
    assert list(found) == ["faiss:SQ8", "pgvector:bit", "pgvector:bit-rerank", "usearch:i8"]
    bit, reranked, faiss, unsplit = (
        found[name] for name in ("pgvector:bit", "pgvector:bit-rerank", "faiss:SQ8", "usearch:i8")
    )
    assert (bit.code, bit.query, bit.won) == pytest.approx((0.3, 0.2, 0.0))
    assert (reranked.code, reranked.query, reranked.won, reranked.answer) == pytest.approx((0.3, 0.2, 0.3, 0.8))
    assert (faiss.code, faiss.query) == pytest.approx((0.01, 0.0))  # its own queries are float
    assert (unsplit.code, unsplit.query, unsplit.answer) == (None, None, 0.9)


def test_table_and_page_show_the_same_texts(rows):
    text = results_text(rows, width=160)
    line = next(line for line in text.splitlines() if line.startswith("pgvector:bit-rerank") and "1,536" in line)
    assert line.split()[1:4] == ["48", "0.300", "0.200"]
    assert "0.300" in line.split()[5] and "loss of a graph" in " ".join(text.split())
    (dataset,) = page_data(rows, "results.db")["datasets"]
    assert dataset["engines"]["headers"][2] == "lost by the code"
    assert any(cells[:4] == ["pgvector:bit-rerank", "48", "0.300", "0.200"] for cells in dataset["engines"]["rows"])
    assert "--split-losses" in dataset["engines"]["note"]


def test_without_engines_there_is_no_such_table(make_run):
    runs = [make_run("pq", 2)]
    assert "settings of engines" not in results_text(runs, width=160)
    (dataset,) = page_data(runs, "results.db")["datasets"]
    assert dataset["engines"]["rows"] == []


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_float_queries_are_possible_for_every_setting_that_claims_them(name):
    setting = BY_NAME[name].at(384, "cosine")
    plain = setting.with_float_queries()
    if plain is None:
        assert setting.method == "unit-int8"
    else:
        plain.parsed().check_dimension(384)
        assert plain.query_bits == "float"
