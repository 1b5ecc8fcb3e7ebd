"""How a person says why persons' data are looked at: two options that every such command has, or an open case."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from vedette.commands.screen import ERRORS, line
from vedette.commands.signing_options import SIGNING_KEY_VARIABLE, signer_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from operations.consultation import Consultation

CaseNumber = Annotated[
    str | None, typer.Option("--case", help="Number of the case this is for (or: vedette case open).")
]
Reason = Annotated[str | None, typer.Option("--reason", help="Why it is needed, in a line; goes into the log.")]

VIEWS: Final = ".views"
"""Ends the name of a viewer's own log of views, beside their signing key."""


def tell_viewed(consultation: Consultation, what: str, shown: Mapping[str, Any]) -> bool:
    """Log a view before it is shown: in the operation, else in the viewer's own file; True when some log has it."""
    said = consultation.viewed(what, shown)
    if not said:
        return True
    journal = os.environ.get(SIGNING_KEY_VARIABLE)
    if not journal:
        ERRORS.print(line(("not logged:", "yellow"), f" {said}"))
        return False
    from operations.signing.view_journal import note_view

    key = Path(journal)
    own = key.with_suffix(VIEWS)
    note_view(own, signer_of(key, None), consultation, what, shown)
    ERRORS.print(f"this view is logged in {own}, for the operation cannot be written")
    return True
