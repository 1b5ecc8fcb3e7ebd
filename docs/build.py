"""Build the documentation site into docs/site: the pages as HTML with their pictures, the reference from docstrings."""

from __future__ import annotations

import html
import shutil
import subprocess
import sys
from pathlib import Path

from markdown_it import MarkdownIt

DOCS = Path(__file__).parent
PACKAGES = ("geo", "telemetry", "missions", "detection", "operations", "maps", "sitl")
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}"
    "pre{background:#f3f4f6;padding:.8rem;overflow-x:auto}table{border-collapse:collapse}"
    "td,th{border:1px solid #d0d7de;padding:.3rem .6rem}img{max-width:100%}"
)


def render(page: Path, site: Path) -> Path:
    text = page.read_text(encoding="utf-8")
    title = text.lstrip("# ").splitlines()[0] if text else page.stem
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text).replace('.md"', '.html"')
    target = site / page.relative_to(DOCS).with_suffix(".html")
    target.parent.mkdir(parents=True, exist_ok=True)
    head = f"<meta charset=utf-8><meta name=viewport content='width=device-width'><title>{html.escape(title)}</title>"
    target.write_text(f"<!doctype html>{head}<style>{STYLE}</style>{body}", encoding="utf-8")
    return target


def main() -> int:
    site = DOCS / "site"
    pages = [page for page in sorted(DOCS.rglob("*.md")) if site not in page.parents]
    for page in pages:
        render(page, site)
    shutil.copytree(DOCS / "images", site / "images", dirs_exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "pdoc", "-d", "numpy", "-o", str(site / "reference"), *PACKAGES]
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
