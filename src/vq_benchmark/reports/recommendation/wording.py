"""The advice as sentences."""

import math
import re
from collections.abc import Iterable, Iterator

from vq_benchmark.evaluation.metric_records import RERANK_DEPTHS
from vq_benchmark.reports.comparison import number
from vq_benchmark.reports.formatting import machine_text
from vq_benchmark.reports.html.answer import (
    SHALLOWEST,
    Candidate,
    answer,
    fixed,
    grouped,
    recall_metric,
    size_sentences,
    size_text,
    times_text,
)
from vq_benchmark.reports.measured_alike import differing_settings, setting
from vq_benchmark.reports.recommendation.advice import Advice, Option, Question, options, queries_to_decide
from vq_benchmark.reports.selection import listed
from vq_benchmark.reports.sizes import DTYPE_BITS
from vq_benchmark.studies.recommending.goals import Goal

SHOWN = 4
"""Undecided configurations that are named before the rest is counted."""


def sentence(advice: Advice) -> str:
    """The paragraph that names the choice; of methods and recall@10, word for word that of the HTML report."""
    question = advice.question
    if _is_of_the_page(question):
        (goal,) = question.goals
        candidates = [_candidate(each, goal.metric) for each in advice.fitting]
        depth = question.depth or SHALLOWEST
        return answer(candidates, goal.bound, depth, question.vectors, advice.comparison.d).sentence
    return " ".join(_general(advice))


def paragraphs(advice: Advice, price: float | None = None) -> list[str]:
    """What follows that paragraph: size, time, the runner-up, what is undecided, ruled out, or easier to reach."""
    chosen = advice.chosen
    found = [] if chosen is None else [_costs(advice, chosen, price), _without_vectors(advice)]
    found += [] if chosen is None else [_runner_up(advice, chosen)]
    found += [_undecided(advice), _ruled_out(advice), _too_slow(advice), *_with_reranking(advice)]
    found.append(_unlike(advice))
    return [paragraph for paragraph in found if paragraph]


def _unlike(advice: Advice) -> str:
    """Which rows are left out, as they were measured in another way."""
    if not advice.unlike:
        return ""
    used, others = advice.comparison.summaries[0].settings, [each.settings for each in advice.unlike]
    names = differing_settings([used, *others])
    shown = [" ".join(f"{name}={setting(each, name)}" for name in names) for each in (used, *others)]
    count = len(advice.unlike)
    return (
        f"This answer is of the rows with {shown[0]}. Left out, as they were measured differently: {count} "
        f"configuration{'' if count == 1 else 's'} ({listed(shown[1:])})."
    )


def asked_for(question: Question) -> str:
    """The goals in words, such as `a recall@10 of at least 0.950`."""
    goals = [
        f"a {what(goal.metric)} of at {'least' if goal.higher else 'most'} {fixed(goal.bound, 3)}"
        for goal in question.goals
    ]
    return " and ".join(goals)


def what(metric: str) -> str:
    """A metric in the words of the page."""
    match = re.fullmatch(r"recall_(\d+)_at_(\d+)", metric)
    if match:
        return f"recall@{match[1]} after re-ranking {match[2]} candidates"
    title = Goal(metric, 0).record.title
    return title[0].lower() + title[1:] if title[1:2].islower() else title


def measured(option: Option, goals: Iterable[Goal]) -> str:
    """The metrics of an option with their intervals."""
    parts = []
    for goal in goals:
        interval = option.interval(goal.metric)
        shown = f"{fixed(option.value(goal.metric), 3)} (95 % interval {fixed(interval[0], 3)} to "
        parts.append(f"{shown}{fixed(interval[1], 3)})")
    return " and ".join(parts)


def seconds_text(seconds: float) -> str:
    """A duration, such as `12 s`, `4 min` or `2.5 h`."""
    if seconds < 1:
        return "less than 1 s"
    for unit, name, from_ in ((3600, "h", 5400), (60, "min", 90)):
        if seconds >= from_:
            return f"{seconds / unit:.2g} {name}"
    return f"{seconds:.0f} s"


def _is_of_the_page(question: Question) -> bool:
    metrics = [goal.metric for goal in question.goals]
    of_methods = not question.best_that_fits and not question.engines
    return of_methods and metrics == [recall_metric(question.depth or SHALLOWEST)]


def _candidate(option: Option, metric: str) -> Candidate:
    low, high = option.interval(metric)
    bits = option.value("bits_per_dim")
    return Candidate(
        option.label, bits, option.code_bytes, option.model_bytes, option.value(metric), low=low, high=high
    )


def _general(advice: Advice) -> Iterator[str]:
    """The paragraph for goals that the page has no slider for."""
    question, chosen = advice.question, advice.chosen
    names = " and ".join(what(goal.metric) for goal in question.goals)
    if not advice.fitting:
        fits = " within the limit" if advice.options else ""
        yield f"No row{fits} has {names}."
        return
    if chosen is None:
        best = advice.best[0]
        yield f"No {_kind(question)} has {asked_for(question)}."
        yield f"The best is {best.label} with {measured(best, question.goals)} at {_bits(best)}."
        return
    shown = f"{measured(chosen, question.goals)} at {_bits(chosen)}."
    if question.best_that_fits:
        limit = f" of the {_kind(question)}s that take at most {size_text(question.limit)}" if question.limit else ""
        yield f"{chosen.label} has the best {names}{limit}: {shown}"
    else:
        yield f"{chosen.label} is the smallest {_kind(question)} with {asked_for(question)}: {shown}"
    d = advice.comparison.d
    yield from size_sentences(chosen.code_bytes, chosen.model_bytes, question.vectors, d)
    if question.depth:
        yield f"Each query reads {question.depth} exact vectors, {size_text(4 * d * question.depth)} of float32."
    yield from _second_stage(advice, chosen)


def _kind(question: Question) -> str:
    return "setting" if question.engines else "configuration"


def _second_stage(advice: Advice, option: Option) -> Iterator[str]:
    """What the second stage of a setting scores, and what it keeps for that."""
    stage, d, vectors = option.second_stage, advice.comparison.d, advice.question.vectors
    if stage is None:
        return
    k = int(advice.question.goals[0].metric.rpartition("_")[2])
    kept = stage.kept_bytes(d)
    if stage.last(k) == k:
        yield f"It re-ranks the {k} rows that it found, which changes their order and none of them."
    elif not kept:
        yield f"It re-ranks {stage.first(k)} candidates by what their codes decode to, and keeps nothing else."
    if kept:
        reads = f", and each query reads {stage.last(k)} of them" if stage.last(k) > k else ""
        yield (
            f"For re-ranking, it also keeps the vectors: {grouped(kept)} bytes each, {size_text(kept * vectors)} in "
            f"all{reads}. That is not counted above."
        )


def _bits(option: Option) -> str:
    return f"{fixed(option.value('bits_per_dim'), 2)} bits per dimension"


def _costs(advice: Advice, chosen: Option, price: float | None) -> str:
    vectors, d = advice.question.vectors, advice.comparison.d
    size, raw = advice.size(chosen), 4 * d * vectors
    parts = [f"Each vector takes {fixed(size / vectors, 1)} bytes instead of {4 * d} of float32"]
    dtype = file_dtype(advice)
    if dtype not in ("", "float32"):
        stored = DTYPE_BITS[dtype] / 8 * d
        parts.append(
            f", and {times_text(stored * vectors, size)} than the {grouped(round(stored))} of {dtype} in the file"
        )
    said = ["".join(parts) + f"; float32 would take {size_text(raw)}."]
    if price is not None:
        costs = [f"{each / 1e9 * price:,.2f}" for each in (size, raw)]
        said.append(f"At {price:g} per GB, that costs {costs[0]} instead of {costs[1]} for float32.")
    said.append(_times(chosen, vectors))
    return " ".join(filter(None, said))


def file_dtype(advice: Advice) -> str:
    """The dtype in which the vectors are stored; empty if rows lack it, differ, or it is unusual."""
    found = {str(run.environment.get("base_dtype", "")) for run in advice.comparison.runs}
    dtype = found.pop() if len(found) == 1 else ""
    return dtype if dtype in DTYPE_BITS else ""


def _times(option: Option, vectors: int) -> str:
    fit, rate = option.summary.value("fit_seconds"), option.rate
    if fit is None or not rate:
        return ""
    machine = machine_text(option.summary.runs)
    return (
        f"Training took {seconds_text(fit)}, and encoding {grouped(vectors)} vectors takes "
        f"{'about ' * (vectors >= rate)}{seconds_text(vectors / rate)}{f' with {machine}' if machine else ''}."
    )


def _without_vectors(advice: Advice) -> str:
    """The setting for those who don't want to keep the vectors."""
    option, question = advice.without_vectors, advice.question
    if option is None:
        return ""
    return (
        f"The smallest that keeps no vectors is {option.label} with {measured(option, question.goals)}: "
        f"{size_text(advice.size(option))}."
    )


def _runner_up(advice: Advice, chosen: Option) -> str:
    second = advice.runner_up
    if second is None:
        return ""
    question = advice.question
    more = advice.size(second) / advice.size(chosen) - 1
    larger = f"{fixed(100 * abs(more), 1)} % {'larger' if more >= 0 else 'smaller'}"
    size = "just as large" if abs(more) < 5e-4 else larger
    parts = [f"Runner-up: {second.label}, {size}, with {measured(second, question.goals)}"]
    if second.rate and chosen.rate:
        ratio = second.rate / chosen.rate
        speed = f"{fixed(max(ratio, 1 / ratio), 1)} times as {'fast' if ratio >= 1 else 'slow'}"
        parts.append(f"; it encodes {speed if max(ratio, 1 / ratio) >= 1.05 else 'as fast'}")
    return "".join(parts) + "."


def _undecided(advice: Advice) -> str:
    found = advice.undecided
    if not found or advice.question.best_that_fits:
        return ""
    queries = number(advice.comparison.runs[0].metrics, "queries") or 0
    parts = [_would_decide(each, queries) for each in found[:SHOWN]]
    more = f", and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    smaller = "Smaller and undecided" if advice.chosen else "Undecided"
    return f"{smaller} with {grouped(int(queries))} queries: {', '.join(parts)}{more}."


def _too_slow(advice: Advice) -> str:
    if not advice.slow or advice.question.min_rate is None:
        return ""
    fastest = {each.family: each for each in sorted(advice.slow, key=lambda each: each.rate or 0)}
    names = ", ".join(f"{name} ({grouped(int(each.rate or 0))} at best)" for name, each in sorted(fastest.items()))
    least = grouped(math.ceil(advice.question.min_rate))
    return f"Encodes fewer than {least} vectors per second here, in some configurations or all: {names}."


def _would_decide(option: Option, queries: float) -> str:
    needed = queries_to_decide(option.reading, queries)
    if needed is None:
        return f"{option.label} (on the goal itself)"
    if len(option.summary.runs) > 1:
        return f"{option.label} (about {grouped(needed)} would decide, if seeds agree)"
    return f"{option.label} (about {grouped(needed)} would decide)"


def _ruled_out(advice: Advice) -> str:
    """The best smaller configuration of each method."""
    if advice.question.best_that_fits:
        return ""
    nearest: dict[str, Option] = {}
    for each in advice.ruled_out:
        earlier = nearest.get(each.family)
        if earlier is None or each.reading.value > earlier.reading.value:
            nearest[each.family] = each
    metric = advice.question.goals[0].metric
    shown = [
        f"{each.label} ({fixed(each.value(metric), 3)})"
        for each in sorted(nearest.values(), key=lambda each: (-each.reading.value, each.label))
    ]
    if not shown:
        return ""
    smaller = "Smaller and ruled out" if advice.chosen else "Ruled out"
    of_each = "" if advice.question.engines else ", the best of each method"
    return f"{smaller}{of_each}: {', '.join(shown)}."


def _with_reranking(advice: Advice) -> Iterator[str]:
    """The smallest stored configuration at a depth of re-ranking, if it is smaller than the choice without."""
    question = advice.question
    if question.engines or question.depth or len(question.goals) > 1 or question.goals[0].metric != "recall_at_10":
        return
    d = advice.comparison.d
    for depth in RERANK_DEPTHS[SHALLOWEST]:
        goal = Goal(recall_metric(depth), question.goals[0].bound)
        other = Advice(
            Question((goal,), question.vectors, depth, question.limit, question.best_that_fits),
            advice.comparison,
            tuple(options(advice.comparison, (goal,))),
        )
        chosen = other.chosen
        if question.best_that_fits or chosen is None:
            continue
        if advice.chosen is None or other.size(chosen) < 0.9 * advice.size(advice.chosen):
            yield (
                f"With re-ranking, smaller codes do: if each query reads {depth} exact vectors "
                f"({size_text(4 * d * depth)}), {chosen.label} reaches {fixed(chosen.value(goal.metric), 3)} with "
                f"{size_text(other.size(chosen))}; --rerank {depth} answers for that."
            )
            return
