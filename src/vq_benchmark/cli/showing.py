"""Options of the commands that show results: they change what is printed or drawn, and nothing that is stored."""

import functools
from dataclasses import dataclass
from typing import Annotated

from typer import Option

from vq_benchmark.reports.sizes import REFERENCES, Sizes, parsed_sizes

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
