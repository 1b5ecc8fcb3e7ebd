"""The documentation site: one Sphinx project over the Markdown pages and what `build.py` adds from the code."""

import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from vedette import __version__

sys.path.insert(0, str(Path(__file__).resolve().parent))

project = "Vedette"
author = "the Vedette developers"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "search_texts"]
exclude_patterns = ["site"]
smartquotes = False
html_theme = "furo"
html_title = f"Vedette {release}"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
napoleon_google_docstring = False
napoleon_use_rtype = False


def setup(app: Sphinx) -> None:
    """Let a page's navigation open the branch that it lies in alone; home opens all, the decisions have a list."""
    app.connect("html-page-context", _one_branch, priority=400)  # before the theme draws the tree of all pages


def _one_branch(site: Sphinx, page: str, _template: str, context: dict[str, Any], _doctree: object) -> None:
    whole = context.get("toctree")
    if whole is not None and page != site.config.root_doc:
        of_this_page = {"collapse": True} | ({"maxdepth": 1} if page.startswith("decisions/") else {})
        context["toctree"] = lambda **asked: whole(**asked | of_this_page)
