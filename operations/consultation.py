"""Why somebody looks: every view of persons' data and every export has a case number and a reason, and is logged.

Directive (EU) 2016/680, article 25(1), asks for the justification, the moment and, as
far as possible, the person of every consultation and disclosure, and to whom data went.
Article 25(2) says what these logs are for: verifying that processing was lawful,
self-monitoring, integrity and security, criminal proceedings. They are not for
measuring readers, and nothing here counts them.

A door (a map, a list, an export) asks `consult` first; without case and reason it
is refused, and the attempt is logged. It says what it is about to show *before* it
shows it, so that no crash leaves a view that is in no log.
"""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Self

from geo.errors import InputError, VedetteError
from operations.errors import ReadOnlyError, UnloggedError, WithoutPurposeError
from operations.findings import printable
from operations.log.leaves import LeafKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from operations.store import OperationStore

_MAX_CHARACTERS: Final = 500
"""A case number and a reason are a line each; a report belongs elsewhere."""
NS_PER_H: Final = 3_600_000_000_000


class Access(StrEnum):
    """What a consultation is."""

    VIEW = "view"
    EXPORT = "export"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """The case that a consultation belongs to, and why it is needed.

    Raises
    ------
    InputError
        When one of them is empty or too long.
    """

    case: str
    reason: str

    def __post_init__(self) -> None:
        for name in ("case", "reason"):
            text = printable(" ".join(getattr(self, name).split()))
            if not text:
                raise InputError(f"the {name} is empty: say which case this is for and why (--case NO --reason TEXT)")
            if len(text) > _MAX_CHARACTERS:
                raise InputError(f"the {name} has {len(text)} characters: {_MAX_CHARACTERS} are enough")
            object.__setattr__(self, name, text)

    def body(self) -> dict[str, str]:
        """Return what the log says of it."""
        return {"case": self.case, "reason": self.reason}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OpenCase:
    """A purpose that one person has set for a while."""

    purpose: Purpose
    until_t_utc_ns: int

    @classmethod
    def of(cls, store: OperationStore) -> Self | None:
        """Return the case that the store's actor has open now; None where there is none."""
        leaf = store.record(LeafKind.CASE, store.actor)
        if leaf is None or leaf.body.get("state") != "open" or int(leaf.body["until_t_utc_ns"]) <= store.clock():
            return None
        purpose = Purpose(case=str(leaf.body["case"]), reason=str(leaf.body["reason"]))
        return cls(purpose=purpose, until_t_utc_ns=int(leaf.body["until_t_utc_ns"]))


def open_case(store: OperationStore, purpose: Purpose, *, hours: float) -> OpenCase:
    """Set case and reason for what the store's actor looks at from now on, until it is closed or time is over."""
    if not 0 < hours <= _MAX_HOURS:
        raise InputError(f"a case is opened for up to {_MAX_HOURS} hours, not {hours:g}: open it again when they end")
    until = store.clock() + round(hours * NS_PER_H)
    store.append(LeafKind.CASE, store.actor, {"state": "open", "until_t_utc_ns": until, **purpose.body()})
    return OpenCase(purpose=purpose, until_t_utc_ns=until)


_MAX_HOURS: Final = 24 * 7
"""A purpose that never ends is none: a week is the longest that one order of duty lasts."""


def close_case(store: OperationStore) -> OpenCase | None:
    """End what `open_case` began; returns it, None where nothing was open."""
    was = OpenCase.of(store)
    if was is not None:
        store.append(LeafKind.CASE, store.actor, {"state": "closed", **was.purpose.body()})
    return was


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Consultation:
    """The right to look into an operation for one purpose, and the duty to say at what."""

    store: OperationStore
    purpose: Purpose

    def viewed(self, what: str, shown: Mapping[str, Any]) -> str:
        """Log that something is about to be shown.

        Parameters
        ----------
        what
            What kind of view it is: ``map``, ``find``.
        shown
            What of the operation, as JSON values: the selection, how many hits, where to.

        Returns
        -------
        str
            Empty when the view is in the operation's log; else the sentence that says where it is, or that it is
            in none.
        """
        try:
            self.store.append(LeafKind.VIEW, what, {**self.purpose.body(), **shown})
        except VedetteError as error:
            return f"this view is in no log: {error.message}"
        return ""

    def exported(self, what: str, handed: Mapping[str, Any]) -> str:
        """Log that something is about to leave the operation.

        Parameters
        ----------
        what
            The form it leaves in: ``geojson``, ``cot``, ``evidence``.
        handed
            What of it, as JSON values: the selection, how many hits, the file or address, the file's SHA-256, and
            `to`: whom it is for.

        Returns
        -------
        str
            Empty when it is in the operation's log; else where it is.

        Raises
        ------
        UnloggedError
            When it can be put into no log: nothing leaves then.
        """
        try:
            self.store.append(LeafKind.EXPORT, what, {**self.purpose.body(), **handed})
        except ReadOnlyError as error:
            raise UnloggedError(
                f"nothing is exported, for it would be in no log: {error.message}; export from the operation itself"
            ) from error
        return ""


def consult(store: OperationStore, *, access: Access, what: str, case: str | None, reason: str | None) -> Consultation:
    """Ask to look into an operation.

    Parameters
    ----------
    store
        The operation; its actor is who looks.
    access
        Whether something is shown or leaves.
    what
        What it is, for the log: ``map``, ``geojson``.
    case, reason
        Of this consultation; where neither is given, those of the case that the actor has open.

    Raises
    ------
    WithoutPurposeError
        When there is no case and reason; the attempt is logged where that is possible.
    """
    given = {"--case": case, "--reason": reason}
    if case is not None and reason is not None:
        return Consultation(store=store, purpose=Purpose(case=case, reason=reason))
    known = OpenCase.of(store) if case is None and reason is None else None
    if known is not None:
        return Consultation(store=store, purpose=known.purpose)
    lacking = [name for name, value in given.items() if value is None]
    try:
        store.append(LeafKind.ATTEMPT, f"{access} without a purpose", {"what": what, "lacking": lacking})
        logged = "the attempt is in the log"
    except VedetteError:
        logged = "the attempt could not be logged"
    doing = "looks at" if access is Access.VIEW else "takes anything out of"
    raise WithoutPurposeError(
        f"nobody {doing} persons' data without case and reason: add {' and '.join(lacking)}, or set both once with "
        f"'vedette case open {store.path} --case NO --reason TEXT' ({logged})",
        lacking=lacking,
    )


def require_logged(unlogged: str) -> None:
    """Refuse to show what no log has.

    Parameters
    ----------
    unlogged
        Why a view is in no log, as consulting says it; empty where it is in one.

    Raises
    ------
    UnloggedError
        When it is in none.
    """
    if unlogged:
        raise UnloggedError(f"nothing is shown, for it would be in no log ({unlogged})")
