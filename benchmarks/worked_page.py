"""Runs the commands of docs/FROM_FILE_TO_DECISION.md in an empty folder, as a reader would, and keeps the outputs.

    python benchmarks/worked_page.py [--write]

Prints the page with current outputs; `--write` puts them, and the figure, into the documentation. In the page, a
block of `sh` holds commands, and a block of `text` right after it holds what they print to standard output.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "FROM_FILE_TO_DECISION.md"
FIGURE = DOCS / "figures" / "from_file_to_decision.png"
DRAWN = Path("figures") / "my_vectors.npy_overview.png"
STEP = re.compile(r"```sh\n(?P<commands>.*?)```(?:\n\n```text\n(?P<shown>.*?)```)?", re.DOTALL)
MACHINE = re.compile(
    r"\b[\d.,]+[kMs]\b|\(\d+ threads?, (?:[^()]|\([^()]*\))*\)|vq-benchmark [\d.]+"
    r"|it encodes (?:[\d.]+ times )?as \w+"
    r"|Training took .*?(?=Runner-up|Smaller|With re-ranking|Not measured|The search|$)"
)
"""What depends on the machine or on the release: rates, times, threads and processor, the version."""


def run(text: str, folder: Path) -> list[str]:
    """What the commands of each step of a page print, run one after another in a folder.

    Raises:
        subprocess.CalledProcessError: a command failed.
    """
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "VQ_CACHE_DIR": str(folder / "cache"),
    }
    for name in ("DB_PATH", "CODEBOOKS_DIR", "CHECKPOINT_DIR", "COLUMNS"):
        environment.pop(name, None)
    return [
        subprocess.run(
            ["bash", "-ec", step["commands"]],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        for step in STEP.finditer(text)
    ]


def shown(text: str) -> list[str | None]:
    """The output that each step of a page shows; None where it shows none."""
    return [step["shown"] for step in STEP.finditer(text)]


def with_outputs(text: str, outputs: list[str]) -> str:
    """The page with new outputs, in the steps that show one."""
    remaining = iter(outputs)

    def renewed(step: re.Match[str]) -> str:
        lines = "\n".join(line.rstrip() for line in next(remaining).splitlines()).strip("\n")
        if step["shown"] is None:
            return step[0]
        return f"```sh\n{step['commands']}```\n\n```text\n{lines}\n```"

    return STEP.sub(renewed, text)


def numbers(output: str) -> Counter[str]:
    """The numbers in an output and how often each occurs, without those that depend on the machine."""
    return Counter(re.findall(r"[\d.,]*\d(?:e-?\d+)?", MACHINE.sub("", " ".join(output.split()))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    text = PAGE.read_text()
    with tempfile.TemporaryDirectory() as folder:
        made = with_outputs(text, run(text, Path(folder)))
        if arguments.write:
            PAGE.write_text(made)
            shutil.copy(Path(folder) / DRAWN, FIGURE)
        else:
            print(made)


if __name__ == "__main__":
    main()
