"""A named person's word for one plan."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One preflight rule that a person lets pass."""

    rule: str
    name: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A named person's word for one plan."""

    plan_sha256: str
    name: str
    reason: str
    t_utc: str
    overrides: tuple[Override, ...] = ()
    note: str = ""
    """All of the above as a signed text (`missions.flight.approval_signature`); "" where nobody signed it."""
