"""Flights of an approved plan folder, from opening the links to the last record: each message and each step is kept."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
from typing import TYPE_CHECKING, Final, NoReturn, Self

from geo.errors import RefusedError, VedetteError
from missions.flight.approval_file import log_event
from missions.flight.command_release_file import release_reader
from missions.flight.deviation import work_flown_pct
from missions.flight.fleet import fly_together, prepare
from missions.flight.progress_file import keep_progress
from missions.flight.run import Flight
from missions.flight.values import FlightOptions
from missions.links.link import Station, open_link
from missions.links.signing_key_file import open_signer
from missions.links.tlog_file import TlogRecorder
from missions.plan_files.plan_border_file import read_plan_border

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from missions.flight.approval import Approval
    from missions.flight.values import FlightReport, FlightStatus, PilotCommand
    from missions.plan import Plan, Sortie

_CLOCK_SLACK_S: Final = 60.0
"""What MAVLink signing allows a new stream to be behind."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FlightTask:
    """One sortie, the link it is flown on, and the item it goes on at (-1: from the start)."""

    sortie: Sortie
    link: str
    resume_seq: int = -1
    system: int | None = None
    """System id that is expected on the link; any where none is named."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """What holds for every flight of a session."""

    signing_key: Path | None = None
    """File with the MAVLink 2 key."""
    enable_fence: bool = True
    """Whether the vehicle's fence is switched on before arming."""
    station: int = 255
    """Our own MAVLink system id."""


class FlightSession:
    """Flights of one approved plan; as a context manager it closes its links and recordings.

    Parameters
    ----------
    folder
        The plan folder: recordings (`.tlog`), progress and the event log go there.
    plan
        What is in it.
    approval
        A person's, of exactly this plan.
    """

    def __init__(self, folder: Path, plan: Plan, approval: Approval, settings: SessionSettings | None = None) -> None:
        self.folder, self.plan, self.approval = folder, plan, approval
        self.settings = settings or SessionSettings()
        self.flights: list[Flight] = []
        self.warnings: list[str] = []
        """What a person has to know before anything moves, in sentences."""
        self._border = read_plan_border(folder)
        self._opened = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def add(
        self,
        task: FlightTask,
        *,
        on_status: Callable[[FlightStatus], None] | None = None,
        pilot: Callable[[], PilotCommand | None] | None = None,
    ) -> Flight:
        """Open a task's link, recording from its first message on.

        Raises
        ------
        LinkError
            When the link cannot be opened.
        """
        flights, name = self.folder / "flights", task.sortie.name
        flights.mkdir(exist_ok=True)
        key = self.settings.signing_key
        signer = open_signer(key, name) if key is not None else None
        recorder = self._opened.enter_context(TlogRecorder(flights / f"{name}-{_now():%Y%m%dT%H%M%S.%f}.tlog"))
        link = self._opened.enter_context(
            open_link(task.link, station=Station(system=self.settings.station), recorder=recorder, signer=signer)
        )
        if signer is not None and signer.marks_ahead_s > _CLOCK_SLACK_S:
            self.warnings.append(
                f"{name}: the signing marks are {signer.marks_ahead_s / 3600.0:.1f} h ahead of this computer's clock; "
                "set the clock right, or a vehicle new to this link is taken for a replay"
            )
        flight = Flight(
            link,
            task.sortie,
            self._options(task),
            on_status=on_status,
            pilot=pilot,
            release=release_reader(flights, name, _now()),
        )
        self.flights.append(flight)
        return flight

    def prepare(self, before_check: Callable[[Flight], None] | None = None) -> None:
        """Connect, upload, prove the upload and check every vehicle; a refusal is logged.

        Parameters
        ----------
        before_check
            Done to each that has its plan, before what it says of itself is judged.

        Raises
        ------
        RefusedError
            When one does not get or pass its plan; nothing has moved.
        LinkError
            When a vehicle does not answer.
        """
        try:
            prepare(self.flights, before_check)
        except RefusedError as error:
            log_event(self.folder, _now(), "refused", why=error.message)
            raise

    def refuse(self, why: str, message: str) -> NoReturn:
        """End before anything has moved."""
        log_event(self.folder, _now(), "refused", why=why)
        raise RefusedError(message)

    def fly(self) -> list[FlightReport | VedetteError]:
        """Take off and watch every flight to its end; what became of each is kept and logged."""
        reports = fly_together(self.flights, work_flown_pct)
        for flight, report in zip(self.flights, reports, strict=True):
            if isinstance(report, VedetteError):
                log_event(self.folder, _now(), "refused", sortie=flight.sortie.name, why=report.message)
                continue
            keep_progress(self.folder, self.plan, report)
            approved = {"approved_by": self.approval.name, "plan_sha256": self.plan.sha256}
            log_event(self.folder, _now(), "flown", **approved, **report.as_json())
        return reports

    def _options(self, task: FlightTask) -> FlightOptions:
        return FlightOptions(
            system=task.system,
            dialect=self.plan.dialect,
            border=self._border,
            required_standoff_m=self.plan.required_standoff_m,
            overrides=frozenset(override.rule for override in self.approval.overrides),
            enable_fence=self.settings.enable_fence,
            resume_seq=task.resume_seq,
        )


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
