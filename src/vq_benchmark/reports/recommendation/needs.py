"""What stored rows leave open: where a smaller configuration could still be found, and the command that looks."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from vq_benchmark.errors import InputError
from vq_benchmark.quantizers.engines.choosing import BY_NAME
from vq_benchmark.quantizers.engines.description import code_bytes
from vq_benchmark.reports.commands import data_words, measure_of, search_words
from vq_benchmark.reports.html.answer import fixed
from vq_benchmark.reports.recommendation.advice import Advice, Option
from vq_benchmark.reports.recommendation.two_studies import second_study
from vq_benchmark.studies.recommending.grid import DEFAULT_METHODS

GAP = 1.1
"""Times as large as the next smaller code of the same method that a choice may be before a finer search pays."""


def needs(advice: Advice, question: Sequence[str], search: Iterable[str] = ()) -> list[str]:
    """Sentences on what was not measured, with the commands that measure it.

    Args:
        question: the options of the question, as they are typed.
        search: further options of the command that searches.
    """
    later, open_ends = second_study(advice, question), list(_open_ends(advice))
    run = advice.comparison.runs[0]
    data = data_words(run, Path.cwd())
    if not open_ends or not data:
        return [*open_ends, *later]
    command = shlex.join(["vq-benchmark", "recommend", *data, *search_words(measure_of(run)), *question, *search])
    return [*open_ends, *later, f"This answer uses stored rows only. To search for a smaller one: {command}"]


def _open_ends(advice: Advice) -> Iterator[str]:
    chosen = advice.chosen
    measured = {each.family for each in advice.options}
    wanted = _open_settings(advice) if advice.question.engines else DEFAULT_METHODS
    missing = [name for name in wanted if name not in measured]
    if missing:
        yield f"Not measured: {', '.join(missing)}."
    if chosen is None or advice.question.best_that_fits or advice.question.engines:
        return
    below = _next_smaller(advice, chosen)
    if below is None:
        yield f"No smaller code of {chosen.summary.method} was measured."
    elif chosen.code_bytes > GAP * below.code_bytes:
        low, high = (fixed(each.value("bits_per_dim") or 0.0, 2) for each in (below, chosen))
        between = f"{low} and {high} bits per dimension"
        yield f"Nothing of {chosen.summary.method} was measured between {between}."


def _open_settings(advice: Advice) -> Iterator[str]:
    """The settings of engines that take such vectors, with codes that are smaller than the chosen one."""
    d, distance = advice.comparison.d, advice.comparison.metric
    for name in advice.question.engines:
        with suppress(InputError):  # the engine refuses the vectors
            size = code_bytes(BY_NAME[name].at(d, distance), d)
            if advice.chosen is None or size < advice.chosen.code_bytes:
                yield name


def _next_smaller(advice: Advice, chosen: Option) -> Option | None:
    of_method = [each for each in advice.options if each.summary.method == chosen.summary.method]
    smaller = [each for each in of_method if each.code_bytes < chosen.code_bytes]
    return max(smaller, key=lambda each: each.code_bytes, default=None)
