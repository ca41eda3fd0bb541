"""Results as LaTeX tables for papers: the best in bold, and those not significantly worse underlined."""

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

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
    differing_parameters,
    name_and_config,
    one_line,
    queries_text,
    seeds_text,
    subject_text,
)
from vq_benchmark.reports.sizes import LARGE_MODEL, MODEL_MARK
from vq_benchmark.reports.tables import CONTROL_MARK, fixed_notes

SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", "±": r"$\pm$", "−": "$-$", "×": r"$\times$",
    "‡": r"\textsuperscript{\ddag}", "†": r"\textsuperscript{\dag}", "ᵐ": r"\textsuperscript{m}",
    "ⁿˢ": r"\textsuperscript{ns}", "…": r"\ldots{}", "‖": r"$\Vert$", "²": r"\textsuperscript{2}",
    "--": "-{}-", "[": "{[}", "]": "{]}", "*": "{*}", **{character: f"\\{character}" for character in "&%$#_{}"},
}  # fmt: skip
"""What LaTeX reads as something else than the character, or has no character for.

A row begins after the command that ends the one before, which takes `*` and `[` as its own.
"""
MOST_CHARACTERS = 68
"""Characters that fit the width of a page; a wider table is scaled down to it."""
BETWEEN_COLUMNS = 2.5
"""The space between two columns, in characters."""
FIRST_NOT_LATIN = 0x180
"""pdflatex has the characters below it without further packages."""
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
    differing = differing_parameters((run.method, run.config) for run in group.runs)
    texts = [_texts(summary, columns, differing) for summary in summaries]
    body = [_line(*each, columns, marks) for each in zip(texts, summaries, strict=True)]
    lines = []
    for before, summary, line in zip([None, *summaries], summaries, body, strict=False):
        if by_budget and before and _smallest_budget(group, before) != _smallest_budget(group, summary):
            lines.append("\\midrule")
        lines.append(line)
    caption = " ".join([in_latex(subject_text(group) + "."), _caption(group, marks, differing, "".join(body))])
    wide = _characters([headers, *texts]) > MOST_CHARACTERS
    return "\n".join(
        [
            *_packages(caption + "".join(body), wide=wide),
            "\\begin{table}",
            "\\centering",
            f"\\caption{{{caption}}}",
            *(["\\resizebox{\\textwidth}{!}{%"] if wide else []),
            f"\\begin{{tabular}}{{ll{'r' * len(columns)}}}",
            "\\toprule",
            f"{' & '.join(map(in_latex, headers))} \\\\",
            "\\midrule",
            *lines,
            "\\bottomrule",
            "\\end{tabular}" + "}" * wide,
            "\\end{table}",
            "",
        ]
    )


def _packages(text: str, *, wide: bool) -> list[str]:
    """Comments on what the preamble needs."""
    needed = ["% \\usepackage{booktabs}"]
    if wide:
        needed.append("% \\usepackage{graphicx} % scales the table to the page; --columns makes it narrower")
    if any(ord(character) >= FIRST_NOT_LATIN for character in text):
        needed.append("% its names need lualatex or xelatex, and a font that has them")
    return needed


def _characters(rows: Iterable[Sequence[str]]) -> float:
    """The width of a table of these texts."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return sum(widths) + BETWEEN_COLUMNS * (len(widths) - 1)


def _texts(summary: Summary, columns: Sequence[Column], differing: Mapping[str, Collection[str]]) -> list[str]:
    """The name of the row, its configuration, and the cell of each column."""
    name, config = name_and_config(summary, differing)
    marks = CONTROL_MARK * summary.is_control + EXTERNAL_MARK * summary.is_external
    return [name + marks, config, *(column.cell(summary) for column in columns)]


def _line(texts: Sequence[str], summary: Summary, columns: Sequence[Column], marks: Mapping[str, Marks]) -> str:
    cells = [
        _marked(text, summary, marks.get(column.metric)) for text, column in zip(texts[2:], columns, strict=True)
    ]
    return f"{' & '.join([*map(in_latex, texts[:2]), *cells])} \\\\"


def _marked(text: str, summary: Summary, marks: Marks | None) -> str:
    cell = "--" if text == ABSENT else in_latex(re.sub(r"^-(?=[\d.])", "−", text))
    name = summary.runs[0].run_id
    if marks is not None and name in marks.best:
        return f"\\textbf{{{cell}}}"
    return f"\\underline{{{cell}}}" if marks is not None and name in marks.equal else cell


def _caption(
    group: Comparison, marks: Mapping[str, Marks], differing: Mapping[str, Collection[str]], body: str
) -> str:
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
        *(f"{note}." for note in fixed_notes(group, differing)),
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
