"""docs/DATASETS.md names every format and every catalog entry."""

from pathlib import Path

from manifest_table import table, written

from vq_benchmark.datasets.catalog import list_datasets
from vq_benchmark.datasets.formats.opening import formats

TEXT = (Path(__file__).parents[2] / "docs" / "DATASETS.md").read_text(encoding="utf-8")


def test_every_format_is_documented():
    assert [extension for extension in formats() if f"`{extension}`" not in TEXT] == []


def test_writable_formats_are_those_of_the_document():
    sentence = TEXT.split("`generate-data` writes ")[1].split(".\n")[0].split(". ")[0]
    writable = {extension for extension, each in formats().items() if each.writable_dtypes(extension)}
    assert {extension for extension in formats() if f"`{extension}`" in sentence} == writable


def test_every_catalog_entry_is_documented():
    for entry in list_datasets():
        assert f"| `{entry.name}` |" in TEXT
        assert f"{entry.n:,}" in TEXT and str(entry.d) in TEXT


def test_the_table_of_hosted_sets_is_that_of_the_manifest():
    assert written() == table(), "run tests/support/manifest_table.py"
