"""The pages as a whole: links lead somewhere, the website has every page, and the API page covers what is public."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
DOCS = PROJECT / "docs"
ROOT_PAGES = sorted(PROJECT.glob("*.md"))
PAGES = ROOT_PAGES + sorted(DOCS.glob("*.md"))
SITE = yaml.safe_load((PROJECT / "mkdocs.yml").read_text())
LINK = re.compile(r"\[[^\]]*\]\((?!\w+:)([^)\s]*)\)")


def without_code(text):
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_exist(page):
    for link in LINK.findall(without_code(page.read_text())):
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{page.name}: {link}"


def pages_of(nav):
    if isinstance(nav, str):
        return [nav]
    return [page for each in (nav.values() if isinstance(nav, dict) else nav) for page in pages_of(each)]


def test_every_page_is_in_the_navigation_once():
    expected = ["index.md" if page.name == "README.md" else page.name for page in PAGES]
    assert sorted(pages_of(SITE["nav"])) == sorted(expected)


def test_the_readme_leads_to_every_page():
    linked = {Path(link).name for link in LINK.findall((PROJECT / "README.md").read_text())}
    assert {page.name for page in PAGES} - {"README.md"} <= linked


def test_the_code_files_that_the_architecture_names_exist():
    """A name is written relative to the package, or to one of its folders: `kernels/sums.py`."""
    paths = [
        path for folder in ("src/vq_benchmark", "tests", "benchmarks") for path in PROJECT.glob(f"{folder}/**/*.py")
    ]
    named = set(re.findall(r"`([\w./-]+\.py)`", (DOCS / "ARCHITECTURE.md").read_text()))
    missing = {name for name in named if not any(path.as_posix().endswith(f"/{name}") for path in paths)}
    assert named
    assert not missing


def test_the_site_is_strict_and_fetches_nothing():
    assert SITE["strict"] is True
    assert SITE["theme"]["font"] is False, "fonts would come from another host"


def test_the_example_of_the_api_page_runs(capsys):
    (example,) = re.findall(r"```python\n(.*?)```", (DOCS / "API.md").read_text(), re.DOTALL)
    exec(compile(example, "example", "exec"), {})
    assert float(capsys.readouterr().out) > 0.9


@pytest.mark.skipif(find_spec("mkdocs") is None, reason="mkdocs is not installed; make docs installs it")
def test_the_site_builds(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", tmp_path / "site"]
    built = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    assert 'id="vq_benchmark.load_dataset"' in (tmp_path / "site" / "API.html").read_text()
    assert "figures/overview.png" in (tmp_path / "site" / "index.html").read_text()
