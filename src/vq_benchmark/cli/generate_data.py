"""`vq-benchmark generate-data`: synthetic vectors of any size to a file."""

from typing import Annotated

import typer
from typer import Option

from vq_benchmark.datasets.sources.synthetic import write_synthetic
from vq_benchmark.machine.locations import expanded
from vq_benchmark.machine.progress import reporter
from vq_benchmark.machine.terminal import echo


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("generate-data")(generate_data)


def generate_data(
    num_vectors: Annotated[int, Option(help="Number of vectors.")],
    dim: Annotated[int, Option(help="Dimension.")],
    output: Annotated[str, Option(help="File to write; its extension sets the format, such as .npy or .fbin.")],
    dtype: Annotated[str, Option(help="float32, float16, int8 or uint8.")] = "float32",
    seed: Annotated[int, Option(help="Seed for the distribution and the vectors.")] = 0,
) -> None:
    """Write clustered vectors with a power-law spectrum, out of core; the file appears once it is complete."""
    path = expanded(output)
    with reporter().task(f"writing {path.name}", num_vectors) as update:
        write_synthetic(path, num_vectors, dim, seed=seed, dtype=dtype, progress=lambda done, total: update(done))
    echo(f"{num_vectors:,} vectors of dimension {dim}, {dtype}: {path}")
