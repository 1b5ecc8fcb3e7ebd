"""Leaflet as text: its script and style sheet with every picture inlined, from the installed asset package."""

from __future__ import annotations

import base64
import functools
import re
from importlib import resources
from pathlib import Path

from xstatic.pkg import leaflet


def _data_uri(match: re.Match[str], folder: Path) -> str:
    picture = folder / match.group(1)
    return f"url(data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()})"


@functools.cache
def leaflet_script() -> str:
    """Return Leaflet's script, without its source-map line (which would ask for a file)."""
    text = (Path(leaflet.BASE_DIR) / "leaflet.js").read_text(encoding="utf-8")
    return re.sub(r"//# sourceMappingURL=.*", "", text)


@functools.cache
def leaflet_style() -> str:
    """Return Leaflet's style sheet with its pictures as data URIs."""
    folder = Path(leaflet.BASE_DIR)
    text = (folder / "leaflet.css").read_text(encoding="utf-8")
    return re.sub(r"url\(([^)#]+\.png)\)", lambda m: _data_uri(m, folder), text)


@functools.cache
def own_asset(name: str) -> str:
    """Return one of the map's own scripts or style sheets."""
    return resources.files("maps").joinpath("assets", name).read_text(encoding="utf-8")
