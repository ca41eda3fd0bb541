"""docs/ADDING_A_QUANTIZER.md as data: its blocks in order, and the files that they make."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "ADDING_A_QUANTIZER.md"
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
SHELL = "sh"

BLOCKS: list[tuple[str, str, str]] = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
"""Language, title or "", and text of each."""
WIDEST = next(text for _, title, text in BLOCKS if title == "widest.py")
"""The page's example of a quantizer."""
