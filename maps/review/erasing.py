"""Erasing recordings from the console: one person asks, another agrees, and both sign with keys of their own."""

from __future__ import annotations

import dataclasses
import secrets
import threading
from typing import TYPE_CHECKING, Final

from geo.errors import RefusedError
from maps.review.errors import NotThereError
from operations.consultation import Access, consult
from operations.law.erasure import erase
from operations.law.holds import hold_on
from operations.log.leaves import LeafKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from maps.review.desk import Desk
    from operations.consultation import Purpose
    from operations.signing.signer import Signer
    from operations.values import MediaRecord

_WAITING: Final = 100
"""Requests that wait at once."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ErasureAsked:
    """Somebody wants recordings of one operation erased, and a second person's word is needed."""

    number: str
    by: str
    source: int
    media: tuple[MediaRecord, ...]
    purpose: Purpose


class Erasing:
    """Asks two people, and erases.

    Parameters
    ----------
    desk
        The operations.
    signers
        Keys named when the console was started; each signs for the account of its own name alone.
    """

    def __init__(self, desk: Desk, signers: Iterable[Signer]) -> None:
        self._desk = desk
        self._signers: Mapping[str, Signer] = {signer.name: signer for signer in signers}
        self._turn = threading.Lock()
        self._asked: dict[str, ErasureAsked] = {}

    def ask(self, person: str, source: int, media_ids: Sequence[str]) -> ErasureAsked:
        """Put a request for a second person's word; the log keeps it.

        Raises
        ------
        RefusedError
            When the console has no key of this person, or a recording is held.
        NotThereError
            When a recording is not there.
        """
        self._signer(person)
        store = self._desk.store_of(source, person)
        purpose = consult(store, access=Access.VIEW, what="erase", case=None, reason=None).purpose
        known = {media.id: media for media in store.media()}
        for name in media_ids:
            if name not in known:
                raise NotThereError(f"there is no recording {name[:12]!a} any more: load the page again")
            if hold_on(store, name) is not None:
                raise RefusedError(f"{known[name].name} is under a legal hold: release it first, then ask again")
        asked = ErasureAsked(
            number=secrets.token_hex(4), by=person, source=source,
            media=tuple(known[name] for name in dict.fromkeys(media_ids)), purpose=purpose,
        )  # fmt: skip
        with self._turn:
            if len(self._asked) >= _WAITING:
                raise RefusedError(f"{_WAITING} requests wait: agree to some of them, or drop them, first")
            self._asked[asked.number] = asked
        self._note(asked, person, "asked")
        return asked

    def requests(self) -> list[ErasureAsked]:
        """Return the requests that wait, the newest last."""
        with self._turn:
            return list(self._asked.values())

    def agree(self, person: str, number: str) -> int:
        """Give the second word: both sign, and the recordings are erased. Returns how many files are gone.

        Raises
        ------
        RefusedError
            When it is the same person, or one without a key here.
        NotThereError
            When there is no such request any more.
        HeldError
            When a hold came in between; the request waits on.
        """
        asked = self._request(number)
        if asked.by == person:
            raise RefusedError("two people are needed: somebody else has to agree to your request")
        signers = [self._signer(name) for name in (asked.by, person)]
        store = self._desk.store_of(asked.source, person)
        consult(store, access=Access.VIEW, what="erase", case=None, reason=None)
        self._note(asked, person, "agreed")
        with self._desk.turn:
            gone = erase(store, asked.media, asked.purpose, signers)
        self._drop(number)
        return len(gone)

    def drop(self, person: str, number: str) -> None:
        """Take a request away: its own person, or whoever could agree, says no."""
        asked = self._request(number)
        self._note(asked, person, "dropped")
        self._drop(number)

    def _signer(self, person: str) -> Signer:
        if person not in self._signers:
            raise RefusedError(
                f"the console has no signing key of {person}: start it with --signing-key and --second-key, keys whose "
                "names are those of the two accounts"
            )
        return self._signers[person]

    def _request(self, number: str) -> ErasureAsked:
        with self._turn:
            if number not in self._asked:
                raise NotThereError("there is no such request any more: ask again")
            return self._asked[number]

    def _drop(self, number: str) -> None:
        with self._turn:
            self._asked.pop(number, None)

    def _note(self, asked: ErasureAsked, person: str, what: str) -> None:
        body = {"what": what, "media": [one.id for one in asked.media], "by": asked.by, **asked.purpose.body()}
        store = self._desk.store_of(asked.source, person)
        store.append(LeafKind.NOTE, f"erasure request {asked.number}", body)
