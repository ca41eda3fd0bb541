"""`vq-benchmark recommend`: the smallest configuration that reaches a target, in words."""

import functools
import json
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from vq_benchmark.cli.exit_codes import SOME_FAILED
from vq_benchmark.cli.measuring import chosen_machine, engines_of_file, say_notes
from vq_benchmark.cli.options import (
    BoundedMachineOptions,
    CheckpointOptions,
    PluginOptions,
    StoreOptions,
    StudyData,
    comma_separated,
    grouped,
)
from vq_benchmark.cli.program import examples
from vq_benchmark.cli.stoppable import stoppable
from vq_benchmark.datasets.data_spec import DataSpec
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.errors import InputError
from vq_benchmark.machine.memory import parsed_bytes
from vq_benchmark.machine.progress import reporter
from vq_benchmark.machine.terminal import Terminal, echo
from vq_benchmark.machine.validation import option_name
from vq_benchmark.quantizers.engines.choosing import chosen_engines
from vq_benchmark.reports.comparison import Comparison, comparisons
from vq_benchmark.reports.formatting import subject_text
from vq_benchmark.reports.recommendation.advice import Advice, Question, judge
from vq_benchmark.reports.recommendation.effort import Effort
from vq_benchmark.reports.recommendation.facts import facts, table, vectors_note
from vq_benchmark.reports.recommendation.needs import needs
from vq_benchmark.reports.recommendation.two_studies import first_study
from vq_benchmark.reports.recommendation.wording import paragraphs, sentence
from vq_benchmark.reports.reranking import RECALL_AT_K
from vq_benchmark.reports.selection import listed, select_runs
from vq_benchmark.reports.sizes import parsed_count
from vq_benchmark.results.database import Database
from vq_benchmark.results.default_paths import database_path
from vq_benchmark.studies.cells import Options, new_sweep_id
from vq_benchmark.studies.measure_spec import DEFAULT_TRAIN_SIZE, MeasureSpec
from vq_benchmark.studies.recommending.goals import EXAMPLE, parsed_goals, recall_goal
from vq_benchmark.studies.recommending.grid import DEFAULT_BITS, DEFAULT_METHODS, Choices
from vq_benchmark.studies.recommending.probing import Prober, require_measurable
from vq_benchmark.studies.recommending.remarks import Unrepeated

EXAMPLES = (
    "vq-benchmark recommend --dataset sample --target recall_at_10=0.95 --vectors 1M",
    "vq-benchmark recommend --dataset base.npy --target recall_at_10=0.95 --rerank 50",
    "vq-benchmark recommend --dataset base.npy --target recall_at_10=0.95 --engine qdrant,pgvector",
    "vq-benchmark recommend --db-path results.db --max-memory 16G --vectors 100M",
)
question_option = functools.partial(Option, rich_help_panel="What is asked")
choice_option = functools.partial(Option, rich_help_panel="What to choose from")
measure_option = functools.partial(Option, rich_help_panel="Measurement")


def _described(name: str) -> str | None:
    """The description of an option of measurement, as `sweep` shows it."""
    return MeasureSpec.model_fields[name].description


@dataclass(frozen=True)
class QuestionOptions:
    """What the choice must reach, and what it may cost."""

    target: Annotated[
        str | None,
        question_option(help=f"What to reach, METRIC=BOUND, several with commas: {EXAMPLE},mrr_at_10_loss=0.005."),
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
    min_encode_rate: Annotated[
        float | None, question_option(help="Fewest vectors per second that encoding must reach on this machine.")
    ] = None
    max_encode_hours: Annotated[
        float | None, question_option(help="The same as the most hours that encoding all vectors may take.")
    ] = None
    price_per_gb: Annotated[float | None, question_option(help="Price of a GB, to show costs.")] = None

    def check(self, engines: tuple[str, ...]) -> None:
        """Raise InputError for what is wrong whatever the vectors are."""
        if self.target is None and self.max_bytes is None and self.max_memory is None:
            raise InputError(f"give a --target such as {EXAMPLE}, or a limit (--max-bytes, --max-memory).")
        if self.max_bytes is not None and self.max_memory is not None:
            raise InputError("give either --max-bytes or --max-memory, not both.")
        if self.min_encode_rate is not None and self.max_encode_hours is not None:
            raise InputError("give either --min-encode-rate or --max-encode-hours, not both.")
        for name in ("max_bytes", "price_per_gb", "min_encode_rate", "max_encode_hours"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1e300:
                raise InputError(f"{option_name(name)} is {value:g}; it must be above 0.")
        self.asked(1, engines)

    def given(self) -> list[str]:
        """The options that were given, as they are typed."""
        set_ = {each.name: value for each in fields(self) if (value := getattr(self, each.name)) is not None}
        return [text for name, value in set_.items() for text in (option_name(name), f"{value}")]

    def asked(self, n: int, engines: tuple[str, ...] = ()) -> Question:
        """The question for a base of n vectors, about methods or settings of engines.

        Raises:
            InputError: an option is malformed, or a metric is unknown, or not one that a setting is chosen by.
        """
        if engines and self.rerank is not None:
            raise InputError("--rerank does not go with --engine: every setting re-ranks as its engine does.")
        goals = (recall_goal(self.rerank),) if self.target is None else parsed_goals(self.target, self.rerank)
        for goal in goals:
            if engines and not RECALL_AT_K.fullmatch(goal.metric):
                raise InputError(
                    f"--target {goal.metric} does not go with --engine, because it is measured before an engine "
                    f"re-ranks; name recall only, such as {EXAMPLE}."
                )
        vectors = n if self.vectors is None else parsed_count(self.vectors)
        limit = None if self.max_bytes is None else self.max_bytes * vectors
        if self.max_memory is not None:
            limit = parsed_bytes(self.max_memory)
        rate = self.min_encode_rate
        if self.max_encode_hours is not None:
            rate = vectors / (3600 * self.max_encode_hours)
        return Question(
            goals, vectors, self.rerank, limit, best_that_fits=self.target is None, min_rate=rate, engines=engines
        )


@dataclass(frozen=True)
class ChoiceOptions:
    """What the search chooses from."""

    method: Annotated[
        str | None,
        choice_option(help=f"Quantizers separated by commas [default: {','.join(DEFAULT_METHODS)}]."),
    ] = None
    bits: Annotated[str | None, choice_option(help="Budgets of bits per dimension [default: 25 from 0.25 to 8].")] = (
        None
    )
    engine: Annotated[
        str | None,
        choice_option(
            help="Settings of databases instead: qdrant:int8, all of one (qdrant), or all; `engines` lists them."
        ),
    ] = None
    engines: Annotated[Path | None, choice_option(help="File with such names, one per line; # begins a comment.")] = (
        None
    )
    seeds: Annotated[str, choice_option(help="Seeds separated by commas; three or more count in the interval.")] = "0"

    @cached_property
    def settings(self) -> tuple[str, ...]:
        """The settings of engines that are meant; InputError for one that does not exist."""
        named = [] if self.engine is None else comma_separated(self.engine, str, "--engine")
        settings = chosen_engines([*named, *([] if self.engines is None else engines_of_file(self.engines))])
        if settings and not self.method == self.bits is None:
            raise InputError("give either --engine or --method with --bits: an engine's setting has them all.")
        return tuple(settings)

    def given(self) -> list[str]:
        """The options that name methods or engines, as they are typed."""
        named = {"--method": self.method, "--engine": self.engine, "--engines": self.engines}
        return [text for name, value in named.items() if value is not None for text in (name, str(value))]

    def parsed(self) -> Choices:
        """The methods, budgets and seeds, or settings of engines; InputError for what is not one."""
        seeds = tuple(dict.fromkeys(comma_separated(self.seeds, int, "--seeds")))
        if self.settings:
            return Choices((), (), seeds, self.settings)
        methods = DEFAULT_METHODS if self.method is None else tuple(comma_separated(self.method, str, "--method"))
        bits = DEFAULT_BITS if self.bits is None else tuple(comma_separated(self.bits, float, "--bits"))
        return Choices(tuple(dict.fromkeys(methods)), bits, seeds)


@dataclass(frozen=True)
class SearchMeasure:
    """How configurations are measured, where that can be chosen."""

    train_size: Annotated[int, measure_option(help=_described("train_size"))] = DEFAULT_TRAIN_SIZE
    ground_truth_path: Annotated[Path | None, measure_option(help=_described("ground_truth_path"))] = None
    slow: Annotated[bool, measure_option("--slow", help=_described("slow"))] = False

    def parsed(self) -> MeasureSpec:
        """The same as a sweep with these options measures."""
        return MeasureSpec.parse(vars(self), spelled=option_name)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("recommend", epilog=examples(*EXAMPLES))(recommend)


@grouped
@stoppable()
def recommend(
    question: QuestionOptions,
    data: StudyData,
    choice: ChoiceOptions,
    measure: SearchMeasure,
    store: StoreOptions,
    checkpoint: CheckpointOptions,
    machine: BoundedMachineOptions,
    plugins: PluginOptions,
    stored: Annotated[
        bool, question_option("--stored", help="Answer from stored rows; --dataset then names those to use.")
    ] = False,
    as_json: Annotated[bool, Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Search for the smallest configuration that reaches a target, or the best one that fits, and say what it means.

    With --engine, it is the smallest setting of your database, by recall after the re-ranking that is its default.

    The lower end of the 95 % interval has to reach the target. The search measures as little as it can and stores
    every row. Without --dataset, it answers from stored rows and runs nothing. Exit code 1 if nothing reaches it.

    For data too large for one machine, it prints two studies for a cluster that give the same answer.
    """
    question.check(choice.settings)
    plugins.use()
    database = Database(database_path(store.db_path))
    if stored or data["dataset"] is None:
        _answer_from_rows(question, data["dataset"], choice, database, as_json=as_json)
        return
    choices = choice.parsed()
    choices.check()
    threads = machine.apply()
    options = Options(measure.parsed(), chosen_machine(store, machine, threads, checkpoint.parsed()))
    report = Unrepeated(reporter())
    spec = DataSpec.parse(data, spelled=option_name)
    dataset = load_dataset(spec.dataset, cache_dir=options.machine.cache_dir, report=report, **spec.selection)
    say_notes(dataset, report)
    asked = question.asked(dataset.n, choices.engines)
    require_measurable(asked.goals, dataset)
    for remark in first_study(dataset.n, dataset.asked, choices, question.given()):
        report.say(remark)
    judging = functools.partial(judge, min_rate=asked.min_rate)
    prober = Prober(
        dataset, options, asked.goals, choices.seeds, database, judging, new_sweep_id(), report, force=store.force
    )
    search = prober.search(choices, asked.vectors, asked.limit, best_that_fits=asked.best_that_fits)
    prober.run(search)
    (comparison,) = comparisons(prober.rows_of(search.grid)) or (None,)
    if comparison is None:
        raise InputError("no configuration could be measured; the lines above say why.")
    effort = Effort(search, dataset.n, prober.part[1], len(choices.seeds), prober.rows)
    show(Advice.of(comparison, asked), effort.sentences(), question.price_per_gb, effort, as_json=as_json)
    if not as_json:
        echo(f"results: {database.path}")


def _answer_from_rows(
    question: QuestionOptions, dataset: str | None, choice: "ChoiceOptions", database: Database, *, as_json: bool
) -> None:
    methods = [] if choice.method is None else comma_separated(choice.method, str, "--method")
    comparison = _only(comparisons(select_runs(database, dataset=dataset, methods=methods)))
    advice = Advice.of(comparison, question.asked(comparison.n, choice.settings))
    search = ["--db-path", str(database.path), *choice.given()]
    show(advice, needs(advice, question.given(), search), question.price_per_gb, None, as_json=as_json)


def _only(found: list[Comparison]) -> Comparison:
    """The results on the one data set.

    Raises:
        InputError: there are none, or several.
    """
    if not found:
        raise InputError("the database has no finished rows; its rows are all of failed cells.")
    contents = [f", contents {each.content}" * bool(each.content) for each in found]
    names = {
        f"{each.dataset} ({each.metric}, {each.n:,} vectors{of})" for each, of in zip(found, contents, strict=True)
    }
    if len(found) > 1:
        name = "CONTENTS" if any(contents) else "NAME"
        choose = f"choose one with --dataset {name} --stored"
        raise InputError(f"the database has rows of {len(found)} data sets: {listed(names)}; {choose}.")
    return found[0]


def show(advice: Advice, more: list[str], price: float | None, effort: Effort | None, *, as_json: bool) -> None:
    """Print the answer; exit code 1 if there is no choice."""
    if as_json:
        searched = {} if effort is None else {"search": effort.facts()}
        echo(json.dumps(facts(advice, price) | searched | {"notes": more}, indent=2))
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
