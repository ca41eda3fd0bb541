"""Results as LaTeX tables for papers: the best in bold, and those not significantly worse underlined."""

import math
import re
from collections.abc import Iterable, Sequence

from vq_benchmark.evaluation.metric_records import record_of
from vq_benchmark.reports.best_marks import Marks, best_marks
from vq_benchmark.reports.caveats import interval_text
from vq_benchmark.reports.columns import ABSENT, Column, measured_columns
from vq_benchmark.reports.comparison import Comparison, Summary
from vq_benchmark.reports.formatting import (
    EXTERNAL_MARK,
    EXTERNAL_NOTE,
    INSIGNIFICANT_MARK,
    OVER_BUDGET_MARK,
    OVER_BUDGET_NOTE,
    decimal,
    display_name,
    one_line,
    queries_text,
    run_text,
    seeds_text,
    subject_text,
)
from vq_benchmark.reports.sizes import LARGE_MODEL, MODEL_MARK
from vq_benchmark.reports.tables import CONTROL_MARK

SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", "±": r"$\pm$", "−": "$-$", "×": r"$\times$",
    "‡": r"\textsuperscript{\ddag}", "†": r"\textsuperscript{\dag}", "ᵐ": r"\textsuperscript{m}",
    "ⁿˢ": r"\textsuperscript{ns}", "…": r"\ldots{}", **{character: f"\\{character}" for character in "&%$#_{}"},
}  # fmt: skip
"""What LaTeX reads as something else than the character, or has no character for."""
NOTES = {
    EXTERNAL_MARK: EXTERNAL_NOTE,
    OVER_BUDGET_MARK: OVER_BUDGET_NOTE,
    MODEL_MARK: f"{MODEL_MARK}: the model adds more than {100 * LARGE_MODEL:g} % to the codes",
    INSIGNIFICANT_MARK: f"{INSIGNIFICANT_MARK}: not significant, the interval contains 0",
}
"""The meaning of marks in cells."""


def latex(groups: Iterable[Comparison], columns: Sequence[Column], *, by_budget: bool = True) -> str:
    """One `table` for each data set; it needs the package booktabs. `best_marks` says what competes.

    With `by_budget`, rows stand below the smallest budget that they fit in, with rules between budgets.
    """
    return "\n".join(_table(group, measured_columns(group, columns), by_budget=by_budget) for group in groups)


def in_latex(text: str) -> str:
    """Text in which every character that LaTeX reads as a command stands for itself."""
    return re.sub("|".join(map(re.escape, SPECIAL)), lambda found: SPECIAL[found[0]], text)


def _table(group: Comparison, columns: Sequence[Column], *, by_budget: bool) -> str:
    marks = {column.metric: best_marks(group, column.metric) for column in columns if _competes(column.metric)}
    headers = ["Method", "Configuration", *(one_line(column.header) for column in columns)]
    summaries = list(group.summaries)
    if by_budget:
        summaries.sort(key=lambda summary: _smallest_budget(group, summary))
    body = [_line(summary, columns, marks) for summary in summaries]
    lines = []
    for before, summary, line in zip([None, *summaries], summaries, body, strict=False):
        if by_budget and before and _smallest_budget(group, before) != _smallest_budget(group, summary):
            lines.append("\\midrule")
        lines.append(line)
    return "\n".join(
        [
            "% \\usepackage{booktabs}",
            "\\begin{table}",
            "\\centering",
            f"\\caption{{{in_latex(subject_text(group))}. {_caption(group, marks, ''.join(body))}}}",
            f"\\begin{{tabular}}{{ll{'r' * len(columns)}}}",
            "\\toprule",
            f"{' & '.join(map(in_latex, headers))} \\\\",
            "\\midrule",
            *lines,
            "\\bottomrule",
            "\\end{tabular}",
            "\\end{table}",
            "",
        ]
    )


def _line(summary: Summary, columns: Sequence[Column], marks: dict[str, Marks]) -> str:
    name = display_name(summary.method) + CONTROL_MARK * summary.is_control + EXTERNAL_MARK * summary.is_external
    cells = [_marked(column.cell(summary), summary, marks.get(column.metric)) for column in columns]
    return f"{' & '.join([in_latex(name), in_latex(run_text(summary.runs[0])), *cells])} \\\\"


def _marked(text: str, summary: Summary, marks: Marks | None) -> str:
    cell = "--" if text == ABSENT else in_latex(text)
    name = summary.runs[0].run_id
    if marks is not None and name in marks.best:
        return f"\\textbf{{{cell}}}"
    return f"\\underline{{{cell}}}" if marks is not None and name in marks.equal else cell


def _caption(group: Comparison, marks: dict[str, Marks], body: str) -> str:
    """What stands in bold and is underlined, and the meaning of each other mark in the rows."""
    budgets = ", ".join(decimal(each, 2) for each in group.budgets)
    within = f" within a budget of {budgets} bits per dimension" if budgets else ""
    tested = [record_of(name).title for name, each in marks.items() if each.tested]
    notes = [
        f"{', '.join(filter(None, [seeds_text(group), queries_text(group.runs)]))}.",
        f"±: half-width of the 95 % interval{interval_text(group)}.",
        f"Bold: the best{within}.",
        f"Underlined: not significantly worse (paired by query, Holm's correction; {', '.join(tested)})."
        if tested
        else "",
        f"{CONTROL_MARK}: uncompressed." if group.control else "",
        *(f"{note}." for mark, note in NOTES.items() if in_latex(mark) in body),
    ]
    return " ".join(in_latex(note) for note in notes if note)


def _competes(metric: str) -> bool:
    record = record_of(metric)
    of_vectors = metric.endswith("_exact")  # the same for all
    return record.better is not None and record.kind != "cost" and record.section != "Size" and not of_vectors


def _smallest_budget(group: Comparison, summary: Summary) -> float:
    """The smallest budget that a row competes at; infinite for the control and where there is none."""
    if summary.is_control:
        return math.inf
    return next((budget for budget in group.budgets if not summary.exceeds(budget)), math.inf)
