"""Legal holds: while one stands, nothing that it covers is erased, whatever a retention policy says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from geo.errors import InputError
from operations.log.leaves import LeafKind

if TYPE_CHECKING:
    from operations.consultation import Purpose
    from operations.log.leaves import Leaf
    from operations.store import OperationStore
    from operations.values import MediaRecord

EVERYTHING: Final = "operation"
"""Subject of a hold on all recordings, also those to come."""


def set_hold(store: OperationStore, media: MediaRecord | None, purpose: Purpose) -> None:
    """Put one recording, or all of them, under a hold."""
    store.append(LeafKind.HOLD, _subject(media), {"state": "set", **_about(media), **purpose.body()})


def release_hold(store: OperationStore, media: MediaRecord | None, purpose: Purpose) -> None:
    """Lift a hold.

    Raises
    ------
    InputError
        When there is none.
    """
    if not _stands(store.record(LeafKind.HOLD, _subject(media))):
        raise InputError(f"there is no hold on {'all recordings' if media is None else media.name}: nothing to release")
    store.append(LeafKind.HOLD, _subject(media), {"state": "released", **_about(media), **purpose.body()})


def hold_on(store: OperationStore, media_id: str) -> Leaf | None:
    """Return the hold that a recording is under, its own or that on everything; None where there is none."""
    found = (store.record(LeafKind.HOLD, subject) for subject in (media_id, EVERYTHING))
    return next((leaf for leaf in found if _stands(leaf)), None)


def _stands(leaf: Leaf | None) -> bool:
    return leaf is not None and leaf.body.get("state") == "set"


def _subject(media: MediaRecord | None) -> str:
    return EVERYTHING if media is None else media.id


def _about(media: MediaRecord | None) -> dict[str, str]:
    return {} if media is None else {"name": media.name}
