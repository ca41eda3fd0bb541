"""Put the page together: one HTML file that needs nothing else and requests nothing."""

import base64
import html
import json
import re
from collections.abc import Sequence
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any

from vq_benchmark.errors import InputError
from vq_benchmark.machine.atomic_files import atomic_write
from vq_benchmark.reports.html.page_data import page_data
from vq_benchmark.results.database import Run

SCRIPTS = (
    "answer.js", "model.js", "elements.js", "figures.js", "tables.js", "matrix.js", "row.js", "state.js", "page.js",
)  # fmt: skip
"""In the order in which they are defined; together they are one script."""


def write_report(runs: Sequence[Run], output: Path, *, title: str, vectors: int | None = None) -> None:
    """Write the report of finished and failed rows; the file appears complete or not at all.

    Args:
        title: what the rows are, such as the name of their database.
        vectors: the number of vectors that sizes are shown for at first; None for that of each data set.

    Raises:
        InputError: no quantizer has a finished row, or the file cannot be written.
    """
    data = page_data(runs, title, vectors)
    if not data["datasets"]:
        raise InputError("nothing to report: there is no finished row of a quantizer.")
    with atomic_write(output) as file:
        file.write(page(data).encode(errors="replace"))


def page(data: dict[str, Any]) -> str:
    """The HTML of the page that shows `data`."""
    library = _plotly()
    script = '"use strict";\n' + "\n".join(_part(name) for name in SCRIPTS)
    parts = {
        "title": html.escape(data["title"]),
        "policy": _policy(library, script),
        "style": _part("page.css"),
        "data": embedded_json(data),
        "library": library,
        "script": script,
    }
    return re.sub(r"\{\{ (\w+) \}\}", lambda match: parts[match[1]], _part("page.html"))


def embedded_json(value: Any) -> str:
    """JSON that can stand in a script element: ASCII without `<`, so that no name can end the element."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _part(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _plotly() -> str:
    """plotly.js, as the Python package plotly ships it."""
    return resources.files("plotly").joinpath("package_data/plotly.min.js").read_text(encoding="utf-8")


def _policy(*scripts: str) -> str:
    """A content security policy: only these scripts run, and nothing is loaded or sent."""
    hashes = (f"'sha256-{base64.b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {' '.join(hashes)}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
