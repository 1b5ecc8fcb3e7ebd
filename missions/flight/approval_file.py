"""Who approved which plan and why, kept beside the plan, and a log of what was refused.

An approval names the plan by its content hash, so a plan that changed
afterwards is not approved any more. An override lets one named rule pass for
one plan, with a person and a reason; where the aircraft goes home is not among
them.
"""

from __future__ import annotations

import dataclasses
import json
import os
from typing import TYPE_CHECKING, Any, Final

from geo.errors import InputError, RefusedError
from missions.documents.whole_file import read_text, write_whole
from missions.errors import PlanFileError
from missions.flight.approval import Approval, Override
from missions.flight.approval_signature import signer_of
from missions.flight.preflight_ways import ALWAYS_JUDGED
from missions.plan import SHORTFALLS, Severity
from missions.plan_files.plan_folder_file import read_plan_folder

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from missions.flight.approval_signature import Check
    from missions.plan import Plan

APPROVAL_NAME: Final = "approval.json"
LOG_NAME: Final = "flight-log.jsonl"
_FORMAT: Final = "vedette-approval"
_VERSION: Final = 1
ACCEPTED_BY_NAME: Final = frozenset({"position loss"})
"""Warnings of a plan that whoever approves it must name: nothing forbids the flight, and somebody answers for it."""


def approve(plan: Plan, *, name: str, reason: str, now: datetime, overrides: tuple[str, ...] = ()) -> Approval:
    """Return an approval of this plan.

    Raises
    ------
    InputError
        When the name or the reason is empty.
    RefusedError
        When the plan has errors other than shortfalls named here, something that must be accepted by name was not, or
        a rule is named that nobody may let pass.
    """
    if not name.strip() or not reason.strip():
        raise InputError("an approval needs a person's name and a reason; give both --approve NAME and --reason TEXT")
    closed = sorted({rule.removeprefix("preflight.") for rule in overrides} & ALWAYS_JUDGED)
    if closed:
        raise RefusedError(
            f"{closed[0]} cannot be let pass by anybody: past it the aircraft may go home by a way that was not "
            "judged; set the vehicle as the plan asks, or plan again"
        )
    errors = [f for f in plan.findings if f.severity is Severity.ERROR and f.rule not in SHORTFALLS & set(overrides)]
    if errors:
        broken = min(errors, key=lambda f: f.rule in SHORTFALLS)
        mend = f"let it pass by name (--override {broken.rule!r})" if broken.rule in SHORTFALLS else "plan again"
        raise RefusedError(f"plan {plan.name!r} cannot be approved: {broken.message}; {mend}")
    unnamed = [f for f in plan.findings if f.rule in ACCEPTED_BY_NAME - set(overrides)]
    if unnamed:
        raise RefusedError(
            f"plan {plan.name!r} is approved only by who accepts this: {unnamed[0].message}; accept it by name "
            f"(--override {unnamed[0].rule!r})"
        )
    return Approval(
        plan_sha256=plan.sha256,
        name=name.strip(),
        reason=reason.strip(),
        t_utc=now.isoformat(timespec="seconds"),
        overrides=tuple(Override(rule=rule, name=name.strip(), reason=reason.strip()) for rule in overrides),
    )


def write_approval(approval: Approval, folder: Path) -> None:
    """Write the approval beside the plan, whole or not at all."""
    document = {"format": _FORMAT, "version": _VERSION, **dataclasses.asdict(approval)}
    write_whole(folder / APPROVAL_NAME, json.dumps(document, indent=1) + "\n")


_TEXTS: Final = ("plan_sha256", "name", "reason", "t_utc")


def read_approval(folder: Path) -> Approval | None:
    """Return the approval beside a plan, or None where there is none.

    Raises
    ------
    InputError
        When the file is no approval.
    """
    path = folder / APPROVAL_NAME
    if not path.is_file():
        return None
    try:
        raw = json.loads(read_text(path))
    except ValueError as error:
        raise InputError(f"{path} is no approval (it is no JSON: {error}); approve the plan again") from None
    wrong = _wrong_in(raw)
    if wrong:
        raise InputError(f"{path} is no approval ({wrong}); approve the plan again")
    overrides = tuple(Override(**one) for one in raw.get("overrides", ()))
    return Approval(**{name: raw[name] for name in _TEXTS}, overrides=overrides, note=raw.get("note", ""))


def _wrong_in(raw: Any) -> str:
    """Return what keeps a document from being an approval, "" for nothing."""
    if not isinstance(raw, dict) or (raw.get("format"), raw.get("version")) != (_FORMAT, _VERSION):
        return f"it is not of format {_FORMAT}, version {_VERSION}"
    for name in _TEXTS:
        if not (isinstance(raw.get(name), str) and raw[name].strip()):
            return f"{name} is missing, or no text"
    if not isinstance(raw.get("note", ""), str):
        return "note, the signature, is no text"
    overrides, wanted = raw.get("overrides", []), {field.name for field in dataclasses.fields(Override)}
    if not isinstance(overrides, list):
        return "overrides is no list"
    for one in overrides:
        if not (isinstance(one, dict) and set(one) == wanted and all(isinstance(v, str) for v in one.values())):
            return f"an override does not hold {', '.join(sorted(wanted))} as texts"
    return ""


def read_plan_to_fly(path: Path, now: datetime) -> Plan:
    """Return the plan of a folder; where somebody approved it and it is not whole any more, the refusal is logged.

    Raises
    ------
    RefusedError
        When an approval lies beside it and it does not match its own hash, or cannot be read.
    PlanFileError
        As for `read_plan_folder`, where nobody approved anything.
    """
    try:
        return read_plan_folder(path)
    except PlanFileError as error:
        folder = path if path.is_dir() else path.parent
        if not (folder / APPROVAL_NAME).exists():
            raise
        log_event(folder, now, "refused", rule="approval", why=error.message)
        raise RefusedError(error.message, **error.fields) from None


def require_approval(plan: Plan, folder: Path, now: datetime, check: Check | None = None) -> Approval:
    """Return the approval of exactly this plan; a refusal is logged beside the plan.

    Parameters
    ----------
    check
        Tells whose known key signed a text; where it is given, only a signed approval counts.

    Raises
    ------
    RefusedError
        When nobody approved the plan, it changed after somebody did, or the signature is missing, foreign, or of
        another approval.
    """
    approval = read_approval(folder)
    how = 'approve it with: vedette fly PLAN --approve "NAME" --reason "TEXT"'
    if approval is None:
        log_event(folder, now, "refused", rule="approval", plan_sha256=plan.sha256, why="not approved")
        raise RefusedError(f"plan {plan.name!r} is approved by nobody; {how}")
    if approval.plan_sha256 != plan.sha256:
        log_event(
            folder, now, "refused", rule="approval", plan_sha256=plan.sha256, approved_sha256=approval.plan_sha256,
            approved_by=approval.name, why="changed after approval",
        )  # fmt: skip
        raise RefusedError(
            f"plan {plan.name!r} ({plan.sha256[:12]}) is not the plan that {approval.name} approved "
            f"({approval.plan_sha256[:12]}): it changed afterwards; {how}",
            expected=approval.plan_sha256,
            actual=plan.sha256,
        )
    if check is not None:
        try:
            signer_of(approval, check)
        except RefusedError as error:
            log_event(folder, now, "refused", rule="approval", plan_sha256=plan.sha256, why=error.message)
            raise
    return approval


def log_event(folder: Path, now: datetime, event: str, **facts: Any) -> None:
    """Append one line to the flight log beside the plan and put it on the disk."""
    line = json.dumps({"t_utc": now.isoformat(timespec="milliseconds"), "event": event, **facts})
    with (folder / LOG_NAME).open("a", encoding="utf-8") as log:
        log.write(line + "\n")
        log.flush()
        os.fsync(log.fileno())
