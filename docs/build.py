"""Build the documentation site into docs/site: the pages, and what commands, keys and Python interface say themselves.

A warning is an error: a link that leads nowhere, a page that no other leads to, a docstring that cannot be read.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from typer import Context
from typer.cli import get_docs_for_click
from typer.main import get_command

from vedette.main import COMMANDS, app

sys.path.insert(0, str(Path(__file__).resolve().parent))
from key_pages import brief_page, scenario_page

DOCS = Path(__file__).resolve().parent
COMMAND_FOLDER = Path("reference") / "commands"


def write_command_pages(folder: Path) -> None:
    """Write a page for each command, as its `--help` has it, and a page that lists them."""
    folder.mkdir(parents=True, exist_ok=True)
    root = get_command(app)
    context = Context(root, info_name="vedette")
    rows = ["# Commands", "", "| command | |", "|---|---|"]
    for name, (_, sentence) in COMMANDS.items():
        command = root.get_command(context, name)  # type: ignore[attr-defined]
        text = get_docs_for_click(obj=command, ctx=context, name=name, call_prefix="vedette")
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
        rows.append(f"| [`vedette {name}`]({name}.md) | {sentence} |")
    rows += ["", "```{toctree}", ":hidden:", "", *COMMANDS, "```", ""]
    (folder / "index.md").write_text("\n".join(rows), encoding="utf-8")


def build(site: Path) -> int:
    """Build the site into `site`; return Sphinx's exit status."""
    with tempfile.TemporaryDirectory() as made:
        source = Path(made) / "docs"
        shutil.copytree(DOCS, source, ignore=shutil.ignore_patterns("site", "__pycache__"))
        for page in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"):
            shutil.copy(DOCS.parent / page, source / page.lower())
        write_command_pages(source / COMMAND_FOLDER)
        (source / "reference" / "brief.md").write_text(brief_page(), encoding="utf-8")
        (source / "reference" / "scenario.md").write_text(scenario_page(), encoding="utf-8")
        options = ["-q", "-W", "--keep-going", "-b", "html", "-d", str(Path(made) / "trees")]
        return subprocess.run([sys.executable, "-m", "sphinx", *options, str(source), str(site)]).returncode


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=DOCS / "site")
    sys.exit(build(parser.parse_args().out))
