"""The public surface: one table, lazy, and the same for people, programs and type checkers."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import vq_benchmark

PROMISED = [
    "Quantizer", "Parameters", "InputError", "Dataset", "load_dataset", "get_quantizer", "list_quantizers",
    "evaluate", "finished_metrics", "check_quantizer", "load_model", "load_msmarco_dataset",
]  # fmt: skip
HEAVY = ("numpy", "faiss", "numba", "typing", "pydantic")


@pytest.mark.parametrize("name", PROMISED)
def test_what_is_promised_is_there(name: str) -> None:
    assert name in vq_benchmark.__all__
    assert name in dir(vq_benchmark)


@pytest.mark.parametrize("name", vq_benchmark.PUBLIC)
def test_every_public_name_is_what_its_module_defines(name: str) -> None:
    found = getattr(vq_benchmark, name)
    assert found.__name__ == name
    assert found.__module__ == f"vq_benchmark.{vq_benchmark.PUBLIC[name]}"
    assert found.__doc__


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(vq_benchmark.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 0]
    seen = {each.asname: str(node.module).removeprefix("vq_benchmark.") for node in imports for each in node.names}
    assert {name: module for name, module in seen.items() if name} == vq_benchmark.PUBLIC


def test_all_of_it_can_be_imported_at_once() -> None:
    names: dict[str, object] = {}
    exec("from vq_benchmark import *", names)
    assert {*vq_benchmark.__all__} <= {*names}


def test_nothing_else_is_public() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = vq_benchmark.nonsense
    assert dir(vq_benchmark) == sorted(vq_benchmark.__all__)


def test_the_libraries_load_only_when_they_are_asked_for() -> None:
    code = (
        f"import sys; before = set(sys.modules); import vq_benchmark; print({{*sys.modules}} - before & {{*{HEAVY}}})"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"
