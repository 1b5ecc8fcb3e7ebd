"""How a person says why persons' data are looked at: two options that every such command has, or an open case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vedette.screen import ERRORS, line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from operations.consultation import Consultation

CaseNumber = Annotated[
    str | None, typer.Option("--case", help="Number of the case this is for (or: vedette case open).")
]
Reason = Annotated[str | None, typer.Option("--reason", help="Why it is needed, in a line; goes into the log.")]


def tell_viewed(consultation: Consultation, what: str, shown: Mapping[str, Any]) -> bool:
    """Log a view before it is shown, and say where it is in no log of the operation; True when it is in one."""
    said = consultation.viewed(what, shown)
    if said:
        ERRORS.print(line(("not logged:", "yellow"), f" {said}"))
    return not said
