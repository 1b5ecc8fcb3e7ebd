"""How pictures of a plan look: colours everybody can tell apart, one way to make a figure and its PNG."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from missions.plan import LegKind, Severity

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEG_COLOUR: Final = {
    LegKind.WORK: "#0072B2",
    LegKind.TURN: "#009E73",
    LegKind.TRANSIT: "#E69F00",
    LegKind.RETURN: "#CC79A7",
    LegKind.FAILSAFE: "#D55E00",
}
"""The qualitative palette of Okabe and Ito (2008, Color Universal Design), told apart by colour-blind readers."""
SORTIE_COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#6A3D9A", "#4D4D4D")
"""The same palette, and two darks, for sorties in turn."""
SEVERITY_COLOUR: Final = {Severity.ERROR: "#B2182B", Severity.WARNING: "#FDB863"}
BORDER_COLOUR: Final = "#B2182B"
ZONE_COLOUR: Final = "#6A3D9A"
AVOID_COLOUR: Final = "#E69F00"
KEEP_IN_COLOUR: Final = "#1B5E20"
GROUND_COLOUR: Final = "#C9BDA4"
GROUND_EDGE: Final = "#6B5D44"
INK: Final = "#1B1F24"
DPI: Final = 100


def new_figure(width_px: int, height_px: int) -> Figure:
    """Return an empty figure of a size in pixels, drawn without a screen."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width_px / DPI, height_px / DPI), dpi=DPI)


def png_of(figure: Figure) -> bytes:
    """Return the figure as a PNG of at most 256 colours that says nothing of when or by what it was drawn.

    The same figure gives the same bytes; a third of the size is left, small enough for a radio link.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
    stream = io.BytesIO()
    picture.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(stream, "PNG")
    return stream.getvalue()


def plain_text(text: str) -> str:
    """Return text that matplotlib shows as it stands, a dollar sign being no formula."""
    return text.replace("$", r"\$")


def sortie_colour(number: int) -> str:
    """Return the colour of the sortie at a place in the plan."""
    return SORTIE_COLOURS[number % len(SORTIE_COLOURS)]
