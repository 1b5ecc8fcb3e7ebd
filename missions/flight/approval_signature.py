"""What is signed of an approval, and what a signature on it is held against.

How a text is signed and checked is not decided here: whoever opens the keys hands both in.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Final

from geo.errors import RefusedError, VedetteError

if TYPE_CHECKING:
    from collections.abc import Callable

    from missions.flight.approval import Approval

    Sign = Callable[[str], str]
    """Return a text with a signature under it."""
    Check = Callable[[str], tuple[str, str]]
    """Return a signed text, and whose known key signed it; raises a `VedetteError` where no known key did."""

_ORIGIN: Final = "vedette/approval"


def signed_text(approval: Approval) -> str:
    """Return what is signed: everything an approval says, and with the plan's hash all its items and parameters."""
    said = {name: value for name, value in dataclasses.asdict(approval).items() if name != "note"}
    return f"{_ORIGIN}\n{json.dumps(said, sort_keys=True, ensure_ascii=False)}\n"


def sign_approval(approval: Approval, sign: Sign) -> Approval:
    """Return an approval with a signature."""
    return dataclasses.replace(approval, note=sign(signed_text(approval)))


def signer_of(approval: Approval, check: Check) -> str:
    """Return whose key signed an approval.

    Raises
    ------
    RefusedError
        When nobody signed it, none of the known keys did, or it says something else than what was signed.
    """
    if not approval.note:
        raise RefusedError(
            f"the approval of {approval.name} is not signed, and here only signed ones count; approve with your key "
            "(--approval-key)"
        )
    try:
        text, signer = check(approval.note)
    except VedetteError as error:
        raise RefusedError(
            f"the approval of {approval.name} is not signed by a key known here: {error}; have somebody approve the "
            "plan whose key is"
        ) from error
    if text != signed_text(approval):
        raise RefusedError(
            f"the approval of {approval.name} was changed after {signer} signed it; approve the plan again"
        )
    return signer
