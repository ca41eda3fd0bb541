"""`vq-benchmark precompute-gt`: exact nearest neighbours to a file."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from vq_benchmark.cli.measuring import say_notes
from vq_benchmark.cli.options import CacheOptions, CheckpointOptions, MachineOptions, grouped
from vq_benchmark.cli.stoppable import stoppable
from vq_benchmark.datasets.data_spec import DataSpec
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.evaluate import exact_truths, search_depth
from vq_benchmark.evaluation.ground_truths.gpu import gpu_search
from vq_benchmark.evaluation.ground_truths.ground_truth import GroundTruth
from vq_benchmark.evaluation.ground_truths.ground_truth_files import WRITABLE, save_truths
from vq_benchmark.evaluation.inner_products import squared_norms
from vq_benchmark.evaluation.tiling import Pass
from vq_benchmark.machine.progress import reporter
from vq_benchmark.machine.terminal import echo
from vq_benchmark.studies.ground_truths import belonging_of, resumable_search, say_left_out, truth_key


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("precompute-gt")(precompute_gt)


@grouped
@stoppable()
def precompute_gt(
    data: DataSpec,
    machine: MachineOptions,
    cache: CacheOptions,
    checkpoint: CheckpointOptions,
    output_path: Annotated[Path, Option(help=f"File to write, one of {', '.join(WRITABLE)}.")],
    k: Annotated[int, Option(help="Neighbours per query.")] = 100,
    use_gpu: Annotated[bool, Option("--use-gpu", help="Search on the GPU.")] = False,
) -> None:
    """Compute the exact nearest neighbours of the queries and write them to a file for --ground-truth-path."""
    machine.apply()
    if output_path.suffix not in WRITABLE:
        raise InputError(
            f"--output-path is {str(output_path)!r}; its extension must be one of {', '.join(WRITABLE)}."
        )
    checkpoints = checkpoint.parsed()
    search = gpu_search() if use_gpu else None
    report = reporter()
    dataset = load_dataset(data.dataset, cache_dir=cache.folder, report=report, **data.selection)
    say_notes(dataset, report)
    if not 1 <= k <= dataset.n:
        raise InputError(f"--k is {k}; it must be from 1 to the number of base vectors, {dataset.n}.")
    depth = search_depth(dataset, k) if output_path.suffix == ".npz" else k  # other programs expect k
    key, rows = truth_key(dataset, depth, (0, dataset.n)), Pass[GroundTruth](batch_size=machine.batch_size)
    with resumable_search(dataset, key, rows, "exact neighbours", checkpoints, report) as pass_:
        ground_truths = exact_truths(dataset, depth, pass_, search)
        say_left_out(ground_truths.queries.content.left_out, dataset, (0, dataset.n), report)
        save_truths(output_path, ground_truths, belonging_of(dataset), squared_norms(dataset.queries))
    echo(f"{k} exact neighbours of {len(dataset.queries):,} queries among {dataset.n:,} vectors: {output_path}")
