"""What a table says about re-ranking: the depth that a target needs, and what its columns mean."""

import re
from collections.abc import Collection

from vq_benchmark.evaluation.second_stage import SecondStage
from vq_benchmark.reports.comparison import Comparison, Summary, number
from vq_benchmark.reports.formatting import decimal
from vq_benchmark.results.database import Run

RECALL_AT_10 = "recall_at_10"
ANSWER = "recall_at_10_reranked"
RERANKED_AFTER = re.compile(r"recall_10_at_\d+_reranked")
RECALL_AT_K = re.compile(r"recall_at_\d+")
RECALL_AFTER = re.compile(r"recall_10_at_\d+")
DEPTH, LIMIT, TARGET = "rerank_depth", "rerank_limit", "rerank_target"


def depth_text(summary: Summary) -> str | None:
    """The mean depth over the seeds, `>200` if all candidates of a seed are too few; None if it was not measured."""
    limit = summary.value(LIMIT)
    if limit is None:
        return None
    if is_beyond_limit(summary):
        return f">{decimal(limit, 0)}"
    return decimal(summary.value(DEPTH) or 0.0, 0)


def is_beyond_limit(summary: Summary) -> bool:
    """Whether the candidates of any seed are too few for the target, so that the mean depth is unknown."""
    return any(number(run.metrics, LIMIT) is not None and number(run.metrics, DEPTH) is None for run in summary.runs)


def depth_note(comparison: Comparison) -> str:
    """How many configurations a figure of the depth omits; empty if none."""
    beyond = sum(is_beyond_limit(summary) for summary in comparison.summaries)
    return f"omitted, need more candidates than are kept: {beyond}" if beyond else ""


def reranking_notes(comparison: Comparison, metrics: Collection[str]) -> list[str]:
    """Notes on those of the metrics that are about re-ranking."""
    targets = sorted({value for run in comparison.runs if (value := number(run.metrics, TARGET)) is not None})
    shown = " or ".join(decimal(target) for target in targets)
    notes = []
    if any(RECALL_AFTER.fullmatch(metric) for metric in metrics):
        notes.append("10@r: share of the true top 10 among the first r candidates")
    if targets and DEPTH in metrics:
        notes.append(f"depth: the smallest r with 10@r of at least {shown}")
    if ANSWER in metrics:
        notes.append("recall@10 reranked: of the final answer, after a second stage has scored candidates again")
    codes = sorted({code for run in comparison.runs if (code := _source(run)) != "exact"})
    if codes and any(RERANKED_AFTER.fullmatch(metric) for metric in metrics):
        notes.append(f"reranked: recall@10 of the first r candidates by their {' or '.join(codes)} scores")
    return notes


def second_stage(summary: Summary) -> SecondStage | None:
    """The second stage with which a setting of an engine answers; None without, and for other rows."""
    stage = SecondStage.parse(str(summary.runs[0].environment.get("rerank", "exact")))
    return stage if summary.engine and stage.has_rule else None


def answered(summary: Summary, metric: str) -> str:
    """The name of a metric; for recall@k of a setting that re-ranks, of the recall of its answer."""
    is_recall = RECALL_AT_K.fullmatch(metric) is not None
    return f"{metric}_reranked" if is_recall and second_stage(summary) is not None else metric


def _source(run: Run) -> str:
    """What the second stage of a row scored with."""
    return str(run.environment.get("rerank", "exact")).rpartition("from=")[2]
