"""What of the loss of an engine's setting is the code's and the query's, and what its re-ranking wins back."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from vq_benchmark.errors import InputError
from vq_benchmark.quantizers.engines.choosing import BY_NAME
from vq_benchmark.reports.comparison import Comparison, Summary
from vq_benchmark.reports.reranking import RECALL_AT_10, answered

DEEP = "recall_10_at_100"
"""What the answer would be if it came from 100 candidates, re-ranked by the vectors themselves."""


@dataclass(frozen=True)
class EngineLosses:
    """One setting of an engine. 1 − `code` − `query` + `won` is the recall@10 of its answer, all as measured."""

    summary: Summary
    codes: float
    """Recall@10 of the codes, by the engine's own scores."""
    answer: float
    """Recall@10 after its second stage; of a setting without one, `codes`."""
    float_queries: float | None
    """Recall@10 of the same codes with queries as they are; None if no row has it."""
    deep: float | None

    @property
    def code(self) -> float | None:
        """What the code loses, whatever is done to queries."""
        return None if self.float_queries is None else 1 - self.float_queries

    @property
    def query(self) -> float | None:
        """What the engine's coding of queries loses on top of that; negative if it wins."""
        return None if self.float_queries is None else self.float_queries - self.codes

    @property
    def won(self) -> float:
        """What re-ranking wins back."""
        return self.answer - self.codes


def engine_losses(comparison: Comparison) -> list[EngineLosses]:
    """The settings of engines among the results on one data set, by engine, then by bytes and recall."""
    found = [each for summary in comparison.summaries if summary.engine for each in _losses(comparison, summary)]
    return sorted(found, key=_place)


def _place(each: EngineLosses) -> tuple[str, float, float, str]:
    name = each.summary.engine
    return name.partition(":")[0], each.summary.value("code_bytes") or 0.0, each.answer, name


def _losses(comparison: Comparison, summary: Summary) -> Iterator[EngineLosses]:
    codes, answer = summary.value(RECALL_AT_10), summary.value(answered(summary, RECALL_AT_10))
    if codes is not None and answer is not None:
        plain = with_float_queries(comparison, summary)
        float_queries = None if plain is None else plain.value(RECALL_AT_10)
        yield EngineLosses(summary, codes, answer, float_queries, summary.value(DEEP))


def with_float_queries(comparison: Comparison, summary: Summary) -> Summary | None:
    """The results of a setting's code with float queries; itself where the engine has them; None without a row."""
    if summary.engine not in BY_NAME:
        return None  # a row of another release
    try:
        setting = BY_NAME[summary.engine].at(comparison.d, comparison.metric).with_float_queries()
    except InputError:
        return None  # so the engine refuses these vectors by now
    if setting is None:
        return None
    wanted = setting.method, _text(setting.parsed().model_dump(mode="json")), "float"
    same = [each for each in comparison.summaries if (each.method, _text(each.config), each.query_bits) == wanted]
    return summary if summary in same else next(iter(same), None)


def _text(config: dict[str, object]) -> str:
    return json.dumps(config, sort_keys=True)
