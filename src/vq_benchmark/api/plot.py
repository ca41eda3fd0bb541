"""A figure that notebooks show and programs save."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from matplotlib.figure import Figure

from vq_benchmark.machine.atomic_files import atomic_write
from vq_benchmark.reports.comparison import Comparison
from vq_benchmark.reports.plots import draw_figure, figure_bytes
from vq_benchmark.reports.sizes import Sizes


@dataclass(frozen=True, repr=False)
class Plot:
    """A figure of one metric, as the command `plot` draws it."""

    figure: Figure
    """Of matplotlib, to be changed before it is shown or saved."""
    metric: str

    @classmethod
    def of(cls, comparison: Comparison, metric: str, sizes: Sizes) -> Self:
        """The figure of a metric against bits per dimension; InputError if no row has it."""
        return cls(draw_figure(comparison, metric, sizes), metric)

    def __repr__(self) -> str:
        return f"<Plot of {self.metric}; save it with save(path)>"

    def _repr_png_(self) -> bytes:
        return figure_bytes(self.figure, "png", 100)

    def save(self, path: str | Path, dpi: int = 150) -> None:
        """Write a png, pdf or svg file, as the ending of its name says."""
        target = Path(path)
        with atomic_write(target) as file:
            file.write(figure_bytes(self.figure, target.suffix.removeprefix("."), dpi))
