"""The notebook runs from its first cell to its last, and shows what it has stored."""

import json
import re
import runpy
from pathlib import Path

PROJECT = Path(__file__).parents[2]
notebook = runpy.run_path(str(PROJECT / "benchmarks" / "notebook.py"))


def text_of(output):
    return output["text"] if output["output_type"] == "stream" else output["data"]["text/plain"]


def test_every_cell_shows_what_it_has_stored():
    page = json.loads(notebook["NOTEBOOK"].read_text())
    made = notebook["run"](page)
    stored = [cell["outputs"] for cell in page["cells"] if cell["cell_type"] == "code"]
    assert [list(map(text_of, outputs)) for outputs in made] == [list(map(text_of, outputs)) for outputs in stored]
    kinds = {kind for outputs in made for output in outputs for kind in output.get("data", {})}
    assert kinds == {"text/plain", "text/html", "image/png"}
    html = "".join(output.get("data", {}).get("text/html", "") for outputs in made for output in outputs)
    assert re.findall(r">(sq|rabitq|none)[^<]*</td>", html)
