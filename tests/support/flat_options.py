"""`Options` from values by name, wherever in them each belongs."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from vq_benchmark.studies.cells import Machine, Options
from vq_benchmark.studies.measure_spec import MeasureSpec


def flat_options(cache_dir: Path, codebooks_dir: Path, **values: Any) -> Options:
    return changed_options(Options(MeasureSpec(), Machine(cache_dir, codebooks_dir)), **values)


def changed_options(options: Options, **values: Any) -> Options:
    of_machine = {each.name: values.pop(each.name) for each in fields(Machine) if each.name in values}
    measure = MeasureSpec(**options.measure.model_dump(exclude_unset=True) | values)
    return Options(measure, replace(options.machine, **of_machine))
