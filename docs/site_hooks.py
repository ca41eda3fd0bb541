"""What lets one set of pages be read on GitHub and as a website, where all pages stand in one folder.

The README becomes the home page, and the other pages of the repository's root stand beside those of `docs/`. Links to
files that are no pages, such as source code, become plain text on the website.
"""

import re
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT_PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "SECURITY.md": "SECURITY.md",
}
"""Pages at the root of the repository, by the names they have on the website."""
LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?P<target>(?!\w+:|#)[^)\s#]+)(?P<anchor>#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the root."""
    root = Path(config.docs_dir).parent
    for name, page in ROOT_PAGES.items():
        text = (root / name).read_text()
        content = re.sub(r"(!\[[^\]]*\])\(docs/", r"\1(", LINK.sub(lambda link: _in_site(link, ""), text))
        files.append(File.generated(config, page, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Adapt the links of the pages in docs/; those of generated pages are adapted already."""
    if page.file.generated_by:
        return markdown
    return LINK.sub(lambda link: _in_site(link, "docs"), markdown)


def _in_site(link: re.Match[str], folder: str) -> str:
    """A link of a page in a folder of the repository, as the website has it."""
    path = _normal(PurePosixPath(folder) / link["target"])
    if path in ROOT_PAGES:
        return f"[{link['text']}]({ROOT_PAGES[path]}{link['anchor'] or ''})"
    if path.startswith("docs/"):
        return f"[{link['text']}]({path.removeprefix('docs/')}{link['anchor'] or ''})"
    return link["text"]


def _normal(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)
