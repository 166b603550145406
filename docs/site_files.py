"""A hook of MkDocs: files of the repository outside ``docs`` that the site shows, too.

Pages link to them as ``../examples/flower.jpg``, which also works where the repository is browsed. Help pages of nodes,
the pictures of examples, the changelog and CONTRIBUTING become part of the site; other links out of ``docs`` lead to
the repository if ``repo_url`` is set, and are plain text if not.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"(!?)\[([^\[\]]*)\]\((?:\.\./)?((?!https?:)[^)#\s]+)(#[^)\s]*)?\)")


def _shown() -> dict[str, str]:
    """Paths in the repository, and where they lie on the site."""
    paths = [*ROOT.glob("web/docs/*.*"), *ROOT.glob("examples/*.jpg"), *ROOT.glob("examples/*_mask.png")]
    shown = {path.relative_to(ROOT).as_posix() for path in paths}
    places = {path: path.replace("web/docs/", "nodes/") for path in sorted(shown)}
    return places | {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}


def on_files(files: Files, *, config: Any) -> Files:
    """Adds what lies outside of ``docs``."""
    for path, place in _shown().items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Files) -> str:
    """Turns links out of ``docs`` into links to where these files lie on the site, or in the repository."""
    here = page.file.src_uri

    def turned(match: re.Match[str]) -> str:
        picture, text, target, anchor = match[1], match[2], match[3], match[4] or ""
        outside = here in ("changelog.md", "contributing.md") or match[0].startswith(f"{picture}[{text}](../")
        if not outside:
            return match[0]
        inside = target.removeprefix("docs/") if target.startswith("docs/") else _shown().get(target)
        if inside is not None:
            up = "../" * here.count("/")
            return f"{picture}[{text}]({up}{inside}{anchor})"
        return f"[{text}]({config.repo_url.rstrip('/')}/blob/main/{target}{anchor})" if config.repo_url else text

    return LINK.sub(turned, markdown)
