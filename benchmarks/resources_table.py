"""Memory of a job for each method and data size, as the program itself estimates it before it starts.

    python benchmarks/resources_table.py [--sizes 100000x384,8841823x768] [--bits 4] [--queries 1000] \
        [--train-size 20000] [--batch-size 16384] [--write docs/SLURM_GUIDE.md]

Prints a table in Markdown. `--write` puts it between the marks of a document, replacing the existing one. Vectors are
assumed to be float16 on disk; methods without a configuration at that many bits are left out.
"""

import argparse
import re
from pathlib import Path

from vq_benchmark.errors import InfeasibleBudget
from vq_benchmark.machine.memory import GIB
from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.registry import get_quantizer, registered
from vq_benchmark.studies.cells import Machine, Options
from vq_benchmark.studies.choosing import chosen_parameters
from vq_benchmark.studies.costs.memory_estimate import DataFacts, cell_estimate, truth_estimate
from vq_benchmark.studies.measure_spec import DEFAULT_TRAIN_SIZE, MeasureSpec

SIZES = "100000x384,1000000x768,8841823x768,113000000x1024"
FLOAT16_BYTES = 2
MARKS = ("<!-- made by benchmarks/resources_table.py -->", "<!-- end -->")


def fitting(method: type[Quantizer], bits: float, d: int) -> Quantizer | None:
    """The method at a budget, not fitted; None if it has no configuration there."""
    try:
        return get_quantizer(method.name, **chosen_parameters(method, bits, d).model_dump(mode="json"))
    except InfeasibleBudget:
        return None


def table(sizes: list[tuple[int, int]], bits: float, queries: int, options: Options) -> str:
    """Rows are methods, columns sizes (n, d); GiB with one decimal."""
    data = [DataFacts(n, d, queries, min(options.measure.train_size, n), reading=FLOAT16_BYTES * d) for n, d in sizes]
    rows = {"exact neighbours": [truth_estimate(facts, options, facts.n) for facts in data]}
    for name, method in registered().items():
        if method.external:  # other projects' libraries, which need not be installed
            continue
        found = [fitting(method, bits, facts.d) for facts in data]
        estimates = [
            cell_estimate(facts, quantizer, options, facts.n)
            for facts, quantizer in zip(data, found, strict=True)
            if quantizer is not None
        ]
        if len(estimates) == len(data):
            rows[f"`{name}`"] = estimates
    header = ["GiB", *(f"{n:,} × {d:,}" for n, d in sizes)]
    lines = [header, ["---"] * len(header)]
    lines += [[name, *(f"{each.total / GIB:.1f}" for each in estimates)] for name, estimates in rows.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def with_table(text: str, made: str) -> str:
    """A document with the table between the marks."""
    begin, end = map(re.escape, MARKS)
    return re.sub(rf"(?<={begin}\n).*?(?={end})", lambda _: f"\n{made}\n\n", text, flags=re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default=SIZES, help="rows x dimension, separated by commas")
    parser.add_argument("--bits", type=float, default=4)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--train-size", type=int, default=DEFAULT_TRAIN_SIZE)
    parser.add_argument("--batch-size", type=int, default=Machine.batch_size)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    sizes = [(int(n), int(d)) for n, d in (size.split("x") for size in arguments.sizes.split(","))]
    options = Options(MeasureSpec(train_size=arguments.train_size), Machine(Path(), Path(), arguments.batch_size))
    made = table(sizes, arguments.bits, arguments.queries, options)
    if arguments.write is None:
        print(made)
    else:
        arguments.write.write_text(with_table(arguments.write.read_text(), made))


if __name__ == "__main__":
    main()
