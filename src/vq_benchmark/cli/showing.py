"""What commands that show results have in common: options that change what is printed, and nothing that is stored."""

import functools
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from typer import Option

from vq_benchmark.machine.terminal import Terminal
from vq_benchmark.reports.choices import choices_text
from vq_benchmark.reports.sizes import REFERENCES, Sizes, parsed_sizes
from vq_benchmark.reports.tables import print_results
from vq_benchmark.results.database import Run

show_option = functools.partial(Option, rich_help_panel="What is shown")


@dataclass(frozen=True)
class SizeOptions:
    """For how many vectors sizes are shown, and against what."""

    vectors: Annotated[
        str | None,
        show_option(help="Show sizes with the model shared by this many vectors, such as 100M [default: n]."),
    ] = None
    ratio_to: Annotated[
        str, show_option(help=f"What the ratio compares with: {', '.join(REFERENCES)} (its dtype).")
    ] = Sizes.ratio_to

    def parsed(self) -> Sizes:
        """The sizes; InputError for an impossible number or an unknown dtype."""
        return parsed_sizes(self.vectors, self.ratio_to)


@dataclass(frozen=True)
class ShowOptions(SizeOptions):
    """The sizes, and how much of the results is printed."""

    all_columns: Annotated[
        bool,
        show_option("--all-columns", help="Print every column, in several tables if the terminal is too narrow."),
    ] = False
    equal_bits: Annotated[
        bool, show_option(help="Print recall at equal bits, interpolated along each method's curve.")
    ] = True

    def tables(self, runs: Sequence[Run], console: Terminal) -> None:
        """Print the tables of the results."""
        print_results(runs, console, self.parsed(), equal_bits=self.equal_bits, all_columns=self.all_columns)

    def choices(self, runs: Sequence[Run], console: Terminal, source: Sequence[str], target: float) -> None:
        """Print what to take at which budget and, on a line of its own, the command that decides for a target recall.

        Prints nothing where the tables mark no best rows.

        Args:
            source: the options that tell the command where its rows are.
        """
        sentences = choices_text(runs, self.parsed())
        if not sentences:
            return
        size = [] if self.vectors is None else ["--vectors", self.vectors]
        command = ["vq-benchmark", "recommend", *source, "--target", f"recall_at_10={target:g}", *size]
        console.print("\n".join(sentences), markup=False, highlight=False)
        console.print(f"To find the smallest code with a recall@10 of {target:g}:", highlight=False)
        console.print(f"  {shlex.join(command)}", markup=False, highlight=False, soft_wrap=True)
