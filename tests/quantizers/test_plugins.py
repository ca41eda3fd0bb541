"""Quantizers from outside the package: what is found, what is refused, and what tells two versions apart."""

import sys
from collections.abc import Iterator
from contextvars import copy_context
from pathlib import Path

import pytest
from adding_page import WIDEST

from vq_benchmark.errors import InputError
from vq_benchmark.quantizers import plugins
from vq_benchmark.quantizers.plugins import load_plugin
from vq_benchmark.quantizers.registry import built_in, get_quantizer, list_quantizers, plugin_of, use_plugins

INCOMPLETE = """
from vq_benchmark import Quantizer
class Half(Quantizer):
    name = "half"
    title = "Half"
"""


@pytest.fixture
def widest(tmp_path: Path) -> Path:
    path = tmp_path / "widest.py"
    path.write_text(WIDEST)
    return path


@pytest.fixture
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose modules can be imported; they are forgotten after the test."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    for cached in (plugins._module_plugin, plugins.installed_plugins):
        cached.cache_clear()
    yield tmp_path
    for cached in (plugins._module_plugin, plugins.installed_plugins):
        cached.cache_clear()
    for name in set(sys.modules) - before:
        del sys.modules[name]


def in_context(names: list[str]) -> list[str]:
    """The methods there are once plugins are in use, in a context that ends here."""

    def used() -> list[str]:
        use_plugins(names)
        return list_quantizers()

    return copy_context().run(used)


def test_a_file_adds_its_methods_and_ends_with_its_context(widest: Path) -> None:
    assert set(in_context([str(widest)])) == {*built_in(), "widest"}
    assert in_context([str(widest), str(widest)]).count("widest") == 1
    assert "widest" not in list_quantizers()
    with pytest.raises(InputError, match="--plugin"):
        get_quantizer("widest")


def test_edited_code_replaces_the_old_even_within_a_second(widest: Path) -> None:
    def steps() -> None:
        use_plugins([str(widest)])
        first, earlier = plugin_of("widest"), get_quantizer("widest").config
        widest.write_text(WIDEST.replace("default=16", "default=17"))
        use_plugins([str(widest)])
        second = plugin_of("widest")
        assert first is not None and second is not None and first.hash != second.hash
        assert (earlier, get_quantizer("widest").config) == ({"kept": 16}, {"kept": 17})

    copy_context().run(steps)


def test_methods_of_the_package_have_no_plugin() -> None:
    assert plugin_of("pq") is None
    assert plugin_of("no-such-method") is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise ValueError", r"ValueError\.$"),
        ("x = 1", "defines no quantizer"),
        ("from vq_benchmark.quantizers.methods.pq import PQ as Mine", "cannot load|defines no quantizer"),
        (INCOMPLETE, "Half does not define paper, decode, encode, fit, restore, state"),
        (WIDEST.replace('"widest"', '"Widest"'), "lower-case letters"),
        (WIDEST.replace('"widest"', '"all"'), "not 'all'"),
        (WIDEST.replace('"widest"', '"pq"'), "named 'pq', but vq-benchmark has one of that name; rename it"),
        (WIDEST.replace("= WidestParameters\n", "= int\n"), "must be a subclass of Parameters"),
        (WIDEST + "\n\nclass Second(Widest):\n    name = 'widest'\n", "two quantizers named 'widest'"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_one_sentence(widest: Path, text: str, reason: str) -> None:
    widest.write_text(text)
    with pytest.raises(InputError, match=reason) as refused:
        in_context([str(widest)])
    assert str(widest) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_name_that_two_plugins_have_is_refused(widest: Path) -> None:
    other = widest.with_name("other.py")
    other.write_text(WIDEST)
    with pytest.raises(InputError, match=r"other\.py' defines a quantizer named 'widest', but plugin '.*widest\.py'"):
        in_context([str(widest), str(other)])


@pytest.mark.parametrize("name", ["nowhere.py", "no/such/folder", "no_such_module"])
def test_a_plugin_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=name):
        in_context([name])


def test_the_hash_of_a_package_covers_all_its_code(importable: Path) -> None:
    package = importable / "my_methods"
    package.mkdir()
    (package / "__init__.py").write_text("from my_methods.widest import Widest")
    (package / "widest.py").write_text(WIDEST)
    helper = package / "helper.py"
    helper.write_text("x = 1")
    assert "widest" in in_context(["my_methods"])
    first = load_plugin("my_methods")
    assert first.source == "my_methods"
    assert load_plugin("my_methods.widest").hash == first.hash
    helper.write_text("x = 2")
    plugins._module_plugin.cache_clear()
    assert load_plugin("my_methods").hash != first.hash


def entry_point(folder: Path, value: str) -> None:
    metadata = folder / "my_widest-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-widest\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[vq_benchmark.quantizers]\nwidest = {value}\n")


@pytest.mark.parametrize("value", ["my_widest", "my_widest:Widest"])
def test_an_installed_package_is_found_by_its_entry_point(importable: Path, value: str) -> None:
    (importable / "my_widest.py").write_text(WIDEST)
    entry_point(importable, value)
    assert "widest" in list_quantizers()
    found = plugin_of("widest")
    assert found is not None
    assert found.source == "entry point 'widest' of the package 'my-widest'"
    assert found.hash == load_plugin(str(importable / "my_widest.py")).hash
    with pytest.raises(InputError, match="but entry point 'widest' of the package 'my-widest' has one of that name"):
        in_context([str(importable / "my_widest.py")])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("no_such_module", "cannot load entry point 'widest' of the package 'my-widest': ModuleNotFoundError"),
        ("my_widest:Gone", "cannot load .*AttributeError"),
        ("my_widest:np", "defines no quantizer"),
        ("my_widest:Field", "must name a module or a subclass of Quantizer"),
    ],
)
def test_an_entry_point_that_cannot_be_used_is_one_sentence(importable: Path, value: str, reason: str) -> None:
    (importable / "my_widest.py").write_text(WIDEST)
    entry_point(importable, value)
    with pytest.raises(InputError, match=reason):
        list_quantizers()
