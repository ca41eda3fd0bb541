"""The facts about every method, from its class: parameters, bits, model size, whether scores are unbiased, paper.

    python benchmarks/methods_facts.py [--write docs/METHODS.md]

Prints one block for each method in Markdown. `--write` puts each block between the marks at the end of the method's
section, replacing the existing one. Sizes are those of models fitted to a few generated vectors. They do not depend
on the vectors, except for the models of `saq` and `segmented-eden`, which drop axes without variance.
"""

import argparse
import re
from pathlib import Path

import numpy as np

from vq_benchmark.errors import InfeasibleBudget
from vq_benchmark.quantizers.base import Parameters, Quantizer
from vq_benchmark.quantizers.description import Description, describe
from vq_benchmark.quantizers.registry import built_in
from vq_benchmark.studies.choosing import chosen_parameters

D = 128
ROWS = 300
"""A few more than all methods, except the slow ones, need for fitting."""
BUDGETS = (1, 2, 4, 8)
BEGIN, END = "<!-- facts: made by benchmarks/methods_facts.py -->", "<!-- facts: end -->"


def choice(method: type[Quantizer], budget: float) -> Parameters | None:
    """The parameters at a budget; None if the method has none there."""
    try:
        return chosen_parameters(method, budget, D)
    except InfeasibleBudget:
        return None


def sizes(method: type[Quantizer], parameters: Parameters, train: np.ndarray) -> list[str]:
    """Bits per dimension and bytes of the model, as text; only the former for slow methods, which are not fitted."""
    if method.slow:
        return [f"{8 * parameters.code_bytes / D:.4g}"]
    quantizer = method(parameters).fit(train)
    return [f"{quantizer.bits_per_dim:.4g}", f"{quantizer.model_bytes:,}"]


def budget_table(method: type[Quantizer], train: np.ndarray) -> list[str]:
    """The configurations at each budget, one line for each; nothing for other projects' libraries, which need not be
    installed."""
    chosen = {budget: choice(method, budget) for budget in BUDGETS if not method.external}
    found = {budget: parameters for budget, parameters in chosen.items() if parameters is not None}
    if not found:
        return []
    differing = {name for each in found.values() for name in each.model_dump(exclude_defaults=True)}
    lines: dict[str, list[str]] = {}
    for budget, parameters in found.items():
        values = [f"`{name}={value:g}`" for name, value in parameters.model_dump().items() if name in differing]
        cells = [*([", ".join(values)] if differing else []), *sizes(method, parameters, train)]
        lines.setdefault(" | ".join(cells), []).append(f"{budget:g}")
    header = [f"budget at d = {D}", *(["parameters"] if differing else []), "bits per dimension", "model in bytes"]
    header = header[:-1] if method.slow else header
    rows = [f"| {', '.join(budgets)} | {line} |" for line, budgets in lines.items()]
    return [f"| {' | '.join(header)} |", f"|{' --- |' * len(header)}", *rows, ""]


def parameter_table(description: Description) -> list[str]:
    """The table of parameters, or a line that says there are none."""
    if not description.parameters:
        return ["Parameters: none.", ""]
    rows = []
    for each in description.parameters:
        values = ", ".join(filter(None, (each.type, each.bounds)))
        default = "none" if each.default is None else each.default
        rows.append(f"| `{each.name}` | {values} | {default} | {each.description} |")
    return ["| parameter | values | default | meaning |", "| --- | --- | --- | --- |", *rows, ""]


def facts(name: str, train: np.ndarray) -> str:
    """The block of one method."""
    description = describe(name)
    lines = [*parameter_table(description), *budget_table(built_in()[name], train)]
    lines.append(f"- Unbiased estimates of inner products: {description.unbiased_scores}.")
    if description.external:
        lines.append("- External: another project's library makes the codes.")
    if description.paper != "-":
        lines.append(f"- Paper: {description.paper}.")
    return "\n".join(lines)


def with_facts(text: str, blocks: dict[str, str]) -> str:
    """A document with each method's block between the marks of its section."""
    for name, block in blocks.items():
        section = rf"^## `{re.escape(name)}`\n(?:(?!^## ).*\n)*?{BEGIN}\n"
        found = re.search(rf"({section})(?:.*\n)*?({END}\n)", text, flags=re.MULTILINE)
        if found is None:
            raise SystemExit(f"the section of `{name}` lacks the lines {BEGIN} and {END}")
        text = f"{text[: found.end(1)]}\n{block}\n\n{text[found.start(2) :]}"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path, metavar="DOCUMENT")
    arguments = parser.parse_args()
    train = np.random.default_rng(0).standard_normal((ROWS, D)).astype(np.float32)
    blocks = {name: facts(name, train) for name in sorted(built_in())}
    if arguments.write is None:
        print("\n\n".join(f"## `{name}`\n\n{block}" for name, block in blocks.items()))
    else:
        arguments.write.write_text(with_facts(arguments.write.read_text(), blocks))


if __name__ == "__main__":
    main()
