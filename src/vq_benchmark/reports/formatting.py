"""Format configurations, numbers and names for tables and figures."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from vq_benchmark.evaluation.statistics.bootstrap import Interval
from vq_benchmark.reports.comparison import Comparison, Summary
from vq_benchmark.results.database import Run

NAME_LENGTH = 60
QUERY_COUNTS = {"queries": "queries", "judged_queries": "judged queries"}
EXTERNAL_MARK = "†"
INSIGNIFICANT_MARK = "ⁿˢ"
OVER_BUDGET_MARK = "‡"
OVER_BUDGET_NOTE = f"{OVER_BUDGET_MARK}: over its budget of bits"
EXTERNAL_NOTE = f"{EXTERNAL_MARK}: encoded by another project's library"


def config_text(config: Mapping[str, Any]) -> str:
    """A configuration in one line, such as `m=96 nbits=8`."""
    return " ".join(f"{name}={value}" for name, value in config.items() if value is not None)


def run_text(run: Run) -> str:
    """The configuration of a row and how its queries are coded, such as `bits=1 queries: 4 bits`."""
    return " ".join(filter(None, [run.engine, config_text(run.config), query_text(run)]))


def query_text(run: Run) -> str:
    """How the queries of a row are coded, and how many its model was fitted for; empty if neither is so."""
    trained = f"trained on {run.train_queries:,} queries" if run.train_queries else ""
    return ", ".join(filter(None, [query_coding_text(run.query_bits), trained]))


def name_and_config(summary: Summary, differing: Mapping[str, Collection[str]]) -> tuple[str, str]:
    """What tells a row from the others of a table.

    That is its method, and the parameters in which its configurations differ with what is special about its queries;
    or the name of an engine's setting, which says it all, and the method behind it. Behind these, how it was
    measured, where rows of the method differ in that.
    """
    method, apart = display_name(summary.method), summary.told_apart
    if summary.engine:
        return display_name(summary.engine), " ".join(filter(None, [method, apart]))
    own = differing_text(summary.method, summary.config, differing)
    return method, " ".join(filter(None, [own, query_text(summary.runs[0]), apart]))


def query_coding_text(query_bits: str) -> str:
    """How queries are coded: `queries: 4 bits`, `queries: symmetric`; empty if they are not."""
    if query_bits == "float":
        return ""
    unit = {"1": " bit", "symmetric": ""}.get(query_bits, " bits")
    return f"queries: {query_bits}{unit}"


def differing_parameters(configurations: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, frozenset[str]]:
    """By method, the parameters that do not have the same value in all of its configurations."""
    configs: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for method, config in configurations:
        configs[method].append(config)
    return {
        method: frozenset(
            name for name in set().union(*of_method) if len({repr(each.get(name)) for each in of_method}) > 1
        )
        for method, of_method in configs.items()
    }


def differing_text(method: str, config: Mapping[str, Any], differing: Mapping[str, Collection[str]]) -> str:
    """The parameters that tell a configuration from others of its method; all of them if none does."""
    own = {name: value for name, value in config.items() if name in differing[method]}
    return config_text(own or config)


def joined(words: Sequence[str]) -> str:
    """The words as a list in a sentence: `1, 2 and 4`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def display_name(name: str) -> str:
    """An untrusted name as one printable line of at most NAME_LENGTH characters."""
    line = "".join(character if character.isprintable() else " " for character in name)
    line = " ".join(line.split())
    return line if len(line) <= NAME_LENGTH else f"{line[: NAME_LENGTH - 1]}…"


def one_line(header: str) -> str:
    """A header of a table, which may have several lines, in one: `bits/dim`, `mrr@10 loss`."""
    return " ".join(header.split()).replace(" /", "/")


def subject_text(comparison: Comparison) -> str:
    """What was compressed: data set, number of vectors, dimension, distance."""
    name = display_name(comparison.dataset)
    content = f", contents {comparison.content}" if comparison.content else ""
    return f"{name}: {comparison.n:,} vectors × {comparison.d} dimensions, {comparison.metric}{content}"


def decimal(value: float, places: int = 3) -> str:
    """A number with at most `places` decimals, without trailing zeros."""
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def share(value: float, interval: Interval | None) -> str:
    """A share, or a difference of shares, with the half-width of its interval: `0.821±.012`.

    An interval on one side has its whole width behind that side's sign: `1.000−.004`.
    """
    if interval is None or interval[0] == interval[1]:
        return f"{value:z.3f}"
    sign = one_sided(value, interval)
    width = f"{(interval[1] - interval[0]) / (1 if sign else 2):.3f}"
    return f"{value:z.3f}{sign or '±'}{width.removeprefix('0')}"


def one_sided(value: float, interval: Interval) -> str:
    """The sign of the side that an interval is on, if the value is its other end: all queries had that value."""
    if interval[0] == interval[1] or value not in interval:
        return ""
    return "−" if value == interval[1] else "+"


def short(value: float) -> str:
    """A count with three digits and a suffix: 950, 15.2k, 1.53M."""
    for size, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * size:
            return f"{value / size:.3g}{suffix}"
    return f"{value:.3g}"


def tick(value: float) -> str:
    """A round number for an axis: 20k, 0.05, 1e-4."""
    if 0 < abs(value) < 1e-3:
        digits, exponent = f"{value:e}".split("e")
        return f"{float(digits):g}e{int(exponent)}"
    return short(value)


def seeds_text(comparison: Comparison) -> str:
    """The number of seeds behind a comparison: `1 seed`, `1 to 3 seeds`."""
    counts = {len(summary.runs) for summary in comparison.summaries}
    low, high = min(counts), max(counts)
    return (f"{low} to {high}" if low < high else f"{high}") + (" seed" if high == 1 else " seeds")


def versions_text(runs: Iterable[Run]) -> str:
    """The package versions that measured the rows: `vq-benchmark 0.1.0`."""
    versions = {str(run.environment["package_version"]) for run in runs if run.environment.get("package_version")}
    return " ".join(["vq-benchmark", ", ".join(sorted(versions))]).strip()


def machine_text(runs: Iterable[Run]) -> str:
    """The threads and processor that rates were measured on, or a warning that they differ."""
    machines = {(run.environment.get("threads"), run.environment.get("cpu")) for run in runs}
    if len(machines) > 1:
        return "on different processors or thread counts"
    ((threads, cpu),) = machines
    count = f"{threads} thread{'' if threads == 1 else 's'}" if threads else ""
    return ", ".join(filter(None, [count, cpu]))


def queries_text(runs: Iterable[Run]) -> str:
    """The number of queries and of judged queries behind the rows; empty if the rows do not have it."""
    known = list(runs)
    texts = []
    for name, words in QUERY_COUNTS.items():
        counts = sorted({run.metrics[name] for run in known if run.metrics.get(name)})
        if counts:
            named = words.replace("queries", "query") if counts == [1] else words
            texts.append(f"{' or '.join(f'{count:,}' for count in counts)} {named}")
    return ", ".join(texts)
