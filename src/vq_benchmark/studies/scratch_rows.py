"""Rows of a data set on the scratch space of the node."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.sources.staging import staged
from vq_benchmark.evaluation.spans import Span
from vq_benchmark.evaluation.tiling import whole_tiles
from vq_benchmark.machine.progress import Reporter
from vq_benchmark.studies.cells import Options


@contextmanager
def staged_rows(dataset: Dataset, options: Options, rows: Span, report: Reporter) -> Iterator[Dataset]:
    """The data set with those rows copied to scratch space, if the options ask for it and they fit."""
    if not options.machine.stage_to_tmp or rows[0] == rows[1]:
        yield dataset
        return
    with staged(dataset.base, *whole_tiles(*rows, dataset.n), report) as base:
        yield replace(dataset, base=base)
