"""`vq-benchmark recommend`: the smallest configuration that reaches a target, in words."""

import functools
import json
from dataclasses import dataclass, fields
from typing import Annotated

import typer
from typer import Option

from vq_benchmark.cli.exit_codes import SOME_FAILED
from vq_benchmark.cli.options import comma_separated, grouped
from vq_benchmark.cli.program import examples
from vq_benchmark.errors import InputError
from vq_benchmark.machine.memory import parsed_bytes
from vq_benchmark.machine.terminal import Terminal, echo
from vq_benchmark.machine.validation import option_name
from vq_benchmark.reports.comparison import Comparison, comparisons
from vq_benchmark.reports.formatting import subject_text
from vq_benchmark.reports.recommendation.advice import Advice, Question
from vq_benchmark.reports.recommendation.facts import facts, table, vectors_note
from vq_benchmark.reports.recommendation.needs import needs
from vq_benchmark.reports.recommendation.wording import paragraphs, sentence
from vq_benchmark.reports.selection import listed, select_runs
from vq_benchmark.reports.sizes import parsed_count
from vq_benchmark.results.database import Database
from vq_benchmark.results.default_paths import database_path
from vq_benchmark.studies.recommending.goals import EXAMPLE, parsed_goals, recall_goal

EXAMPLES = (
    "vq-benchmark recommend --target recall_at_10=0.95 --vectors 1M",
    "vq-benchmark recommend --target recall_at_10=0.95 --rerank 50",
    "vq-benchmark recommend --max-memory 16G --vectors 100M",
)
question_option = functools.partial(Option, rich_help_panel="What is asked")


@dataclass(frozen=True)
class QuestionOptions:
    """What the choice must reach, and what it may cost."""

    target: Annotated[
        str | None, question_option(help=f"What to reach, METRIC=BOUND,…, such as {EXAMPLE},mrr_at_10_loss=0.005.")
    ] = None
    rerank: Annotated[
        int | None, question_option(help="Candidates that a search re-ranks with exact vectors: 20, 50, 100 or 200.")
    ] = None
    vectors: Annotated[
        str | None, question_option(help="How many vectors you will store, such as 100M [default: the base].")
    ] = None
    max_bytes: Annotated[float | None, question_option(help="Most bytes per vector, model included.")] = None
    max_memory: Annotated[str | None, question_option(help="Most bytes of all codes and the model, such as 16G.")] = (
        None
    )
    price_per_gb: Annotated[float | None, question_option(help="Price of a GB, to show costs.")] = None

    def check(self) -> None:
        """Raise InputError for what is wrong whatever the vectors are."""
        if self.target is None and self.max_bytes is None and self.max_memory is None:
            raise InputError(f"give a --target such as {EXAMPLE}, or a limit (--max-bytes, --max-memory).")
        if self.max_bytes is not None and self.max_memory is not None:
            raise InputError("give either --max-bytes or --max-memory, not both.")
        for name, value in (("--max-bytes", self.max_bytes), ("--price-per-gb", self.price_per_gb)):
            if value is not None and not 0 < value < 1e300:
                raise InputError(f"{name} is {value:g}; it must be above 0.")
        self.asked(1)

    def given(self) -> list[str]:
        """The options that were given, as they are typed."""
        set_ = {each.name: value for each in fields(self) if (value := getattr(self, each.name)) is not None}
        return [text for name, value in set_.items() for text in (option_name(name), f"{value}")]

    def asked(self, n: int) -> Question:
        """The question for a base of n vectors.

        Raises:
            InputError: an option is malformed, or a metric is unknown.
        """
        goals = (recall_goal(self.rerank),) if self.target is None else parsed_goals(self.target, self.rerank)
        vectors = n if self.vectors is None else parsed_count(self.vectors)
        limit = None if self.max_bytes is None else self.max_bytes * vectors
        if self.max_memory is not None:
            limit = parsed_bytes(self.max_memory)
        return Question(goals, vectors, self.rerank, limit, best_that_fits=self.target is None)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("recommend", epilog=examples(*EXAMPLES))(recommend)


@grouped
def recommend(
    question: QuestionOptions,
    dataset: Annotated[str | None, Option(help="Use only the stored rows of this data set.")] = None,
    method: Annotated[str | None, Option(help="Use only these methods, separated by commas.")] = None,
    db_path: Annotated[
        str | None, Option(help="Results database [default: $DB_PATH, else logs/benchmark_runs.db].")
    ] = None,
    as_json: Annotated[bool, Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Name the smallest configuration that reaches a target, or the best one that fits, and what choosing it means.

    The lower end of the 95 % interval has to reach the target. Exit code 1 if no configuration does.
    """
    question.check()
    methods = [] if method is None else comma_separated(method, str, "--method")
    runs = select_runs(Database(database_path(db_path)), dataset=dataset, methods=methods)
    comparison = _only(comparisons(runs))
    advice = Advice.of(comparison, question.asked(comparison.n))
    show(advice, needs(advice, question.given()), question.price_per_gb, as_json=as_json)


def _only(found: list[Comparison]) -> Comparison:
    """The results on the one data set.

    Raises:
        InputError: there are none, or several.
    """
    if not found:
        raise InputError("the database has no finished rows; its rows are all of failed cells.")
    names = {f"{each.dataset} ({each.metric}, {each.n:,} vectors)" for each in found}
    if len(found) > 1:
        raise InputError(
            f"the database has rows of {len(found)} data sets: {listed(names)}; choose one with --dataset NAME."
        )
    return found[0]


def show(advice: Advice, more: list[str], price: float | None, *, as_json: bool) -> None:
    """Print the answer; exit code 1 if there is no choice."""
    if as_json:
        echo(json.dumps(facts(advice, price) | {"notes": more}, indent=2))
    else:
        console = Terminal()
        console.print(subject_text(advice.comparison), markup=False, highlight=False)
        said = table(advice)
        if said is not None:
            console.print(said)
            console.print(vectors_note(advice), highlight=False)
        for paragraph in [sentence(advice), *paragraphs(advice, price), *more]:
            console.print(f"\n{paragraph}", markup=False, highlight=False)
    if advice.chosen is None:
        raise typer.Exit(SOME_FAILED)
