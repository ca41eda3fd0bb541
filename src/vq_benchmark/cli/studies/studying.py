"""The study of a command: from a YAML file, from options, or from a file overridden by options."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Option

from vq_benchmark.cli.measuring import parsed_parameters
from vq_benchmark.cli.options import ARGUMENT, PluginOptions, comma_separated
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.query_coding import parsed_query_bits
from vq_benchmark.machine.validation import option_name
from vq_benchmark.quantizers.engines.choosing import chosen_engines
from vq_benchmark.studies.study import DEFAULT_BITS, DEFAULT_METHODS, Study, method_names, read_study

grid_option = functools.partial(Option, rich_help_panel="Grids of single methods (short for --param)")
study_option = functools.partial(Option, rich_help_panel="What to compare")


DEFAULT_BITS_TEXT = ",".join(f"{bits:g}" for bits in DEFAULT_BITS)
QUERY_BITS_HELP = "How queries are coded: float, 8, 4, 1 or symmetric (by the method itself), separated by commas."


@dataclass(frozen=True)
class MethodOptions:
    """Grids over well-known parameters; each option is short for --param of one method."""

    pq_subquantizers: Annotated[str | None, grid_option(help='Values of m for pq, such as "48,96".')] = None
    pq_bits: Annotated[str | None, grid_option(help="Values of nbits for pq.")] = None
    opq_subquantizers: Annotated[str | None, grid_option(help="Values of m for opq.")] = None
    opq_bits: Annotated[str | None, grid_option(help="Values of nbits for opq.")] = None
    sq_bits: Annotated[str | None, grid_option(help="Values of bits for sq.")] = None
    saq_bits: Annotated[str | None, grid_option(help="Average bits per dimension for saq; may be fractional.")] = None
    saq_total_bits: Annotated[str | None, grid_option(help="Bits per vector for saq, instead of --saq-bits.")] = None
    saq_segments: Annotated[str | None, grid_option(help="Maximum number of segments for saq.")] = None
    rabitq_bits: Annotated[str | None, grid_option(help="Values of bits for rabitq.")] = None

    def as_parameters(self, methods: list[str]) -> list[str]:
        """The grids as --param texts; InputError for a grid of a method that is not run."""
        texts = []
        for name, values in vars(self).items():
            if values is None:
                continue
            method, parameter = PARAMETER_OF_OPTION[name]
            if method not in methods:
                raise InputError(f"{option_name(name)} needs {method} among the methods; add it to --method.")
            texts.append(f"{method}.{parameter}={values}")
        return texts


PARAMETER_OF_OPTION = {
    "pq_subquantizers": ("pq", "m"),
    "pq_bits": ("pq", "nbits"),
    "opq_subquantizers": ("opq", "m"),
    "opq_bits": ("opq", "nbits"),
    "sq_bits": ("sq", "bits"),
    "rabitq_bits": ("rabitq", "bits"),
    "saq_bits": ("saq", "bits"),
    "saq_total_bits": ("saq", "total_bits"),
    "saq_segments": ("saq", "max_segments"),
}


@dataclass(frozen=True)
class StudyOptions:
    """What is compared."""

    method: Annotated[
        str | None,
        study_option(
            help="Quantizers separated by commas, or all that train fast: all; `methods` lists them "
            f"[default: {', '.join(DEFAULT_METHODS)}]."
        ),
    ] = None
    engine: Annotated[
        str | None,
        study_option(
            help="Settings of vector databases: qdrant:int8, all of one (qdrant), or all; `engines` lists them."
        ),
    ] = None
    split_losses: Annotated[
        bool, study_option("--split-losses", help="Measure codes of engines with float queries too, to split losses.")
    ] = False
    bits: Annotated[
        str | None,
        study_option(
            help=f'Bit budgets per dimension, such as "1,2,4,8" [default without --method: {DEFAULT_BITS_TEXT}].'
        ),
    ] = None
    budget: Annotated[
        str, study_option(help="What --bits counts: strict, the whole code; nominal, no side information.")
    ] = "strict"
    param: Annotated[
        list[str] | None, study_option(help="Parameter values, NAME=V1,V2 or METHOD.NAME=V1,V2; repeatable.")
    ] = None
    seeds: Annotated[str, study_option(help="Seeds separated by commas.")] = "0"
    query_bits: Annotated[str, study_option(help=QUERY_BITS_HELP)] = "float"
    chunks: Annotated[int, study_option(help="Split the base into N chunks, each measured by its own task.")] = 1


def chosen_study(
    context: typer.Context,
    file: Path | None,
    what: StudyOptions,
    grids: MethodOptions,
    data: dict[str, Any],
    measure: dict[str, Any],
    plugins: PluginOptions,
) -> Study:
    """The study of the file, overridden by the options that were given, or that of the options alone.

    Raises:
        InputError: the data set is missing, or a value is invalid.
    """
    values = data | measure | {"budget": what.budget, "chunks": what.chunks, "plugins": plugins.use()}
    if what.method is not None:
        names = method_names(comma_separated(what.method, str, "--method"), measure["slow"])
        given = parsed_parameters([*(what.param or []), *grids.as_parameters(names)], names)
        values["methods"] = {name: given.get(name, {}) for name in names}
    elif what.engine is not None:
        values["methods"] = {}
    elif what.param or grids != MethodOptions():
        raise InputError("--param and the grids need --method; name the methods that they are for.")
    if what.engine is not None:
        values["engines"] = chosen_engines(comma_separated(what.engine, str, "--engine"))
    if what.bits is not None:
        values["bits"] = comma_separated(what.bits, float, "--bits")
    values["split_losses"] = what.split_losses
    values["seeds"] = comma_separated(what.seeds, int, "--seeds")
    values["query_bits"] = comma_separated(what.query_bits, parsed_query_bits, "--query-bits")
    if file is not None:
        return read_study(file, **{name: value for name, value in values.items() if was_given(context, name)})
    if data.get("dataset") is None:
        raise InputError("--dataset is missing; give it, or a study file that sets it.")
    return Study.parse(values, origin="", spelled=option_name)


def was_given(context: typer.Context, name: str) -> bool:
    """Whether an option was given on the command line, whatever its value."""
    options = {
        "methods": ("method",),
        "engines": ("engine",),
        "plugins": ("plugin",),
        "dataset": ("dataset", ARGUMENT),
    }.get(name, (name,))
    sources = (context.get_parameter_source(option) for option in options)
    return any(source is not None and source.name == "COMMANDLINE" for source in sources)
