"""`pip install .` for a pure package, without pip or a network: python offline_pip.py install . SITE."""

import shutil
import sys
import tomllib
from pathlib import Path


def install(project: Path, site: Path) -> None:
    """Copy the modules that pyproject.toml lists, and write the metadata that importlib reads."""
    content = tomllib.loads((project / "pyproject.toml").read_text())
    facts = content["project"]
    metadata = site / f"{facts['name']}-{facts['version']}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {facts['name']}\nVersion: {facts['version']}\n")
    lines = []
    for group, entries in facts["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    for module in content["tool"]["setuptools"]["py-modules"]:
        shutil.copy(project / f"{module}.py", site)


if __name__ == "__main__":
    install(Path(sys.argv[2]), Path(sys.argv[3]))
