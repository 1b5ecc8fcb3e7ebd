"""``vedette cue``: take alarms in from outside; each opens a card in the console, with a sortie ready for a person."""

from __future__ import annotations

import contextlib
import datetime as dt
import queue
import re
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from geo.errors import InputError, VedetteError
from vedette.commands.opened import opened
from vedette.commands.question_options import Actor
from vedette.commands.respond import answered, told_of, written
from vedette.commands.screen import ERRORS
from vedette.commands.secret_options import KeyFile, PassphraseFile
from vedette.interruption import answered_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from operations.cues.alarm import Alarm
    from operations.cues.intake import Intake
    from operations.store import OperationStore

app = typer.Typer(no_args_is_help=True, add_completion=False)

EPILOG = (
    "Example: vedette cue night-1 --mqtt mqtts://broker.example:8883/vedette/alarms --source fence-3 --user station "
    "--password-file pw --ca ca.pem --brief brief.toml --plan plan/ --responses alarms/"
)
_WAITING: Final = 200
"""Messages that wait at once; more are refused and counted."""
_LOOK_S: Final = 0.5


@app.command(epilog=EPILOG)
def cue(  # noqa: PLR0913 - one parameter per option
    operation: Annotated[Path, typer.Argument(help="Operation folder whose console shows the cards.")],
    mqtt: Annotated[
        str | None, typer.Option(help="mqtts://HOST:PORT/TOPIC: alarms at TOPIC/SOURCE; mqtt:// on this machine only.")
    ] = None,
    cot: Annotated[str | None, typer.Option(help="TAK server whose alarms count, as tls:HOST:PORT.")] = None,
    source: Annotated[list[str] | None, typer.Option(help="Name of a source whose alarms count; repeat it.")] = None,
    plan: Annotated[Path | None, typer.Option(help="Plan folder being flown: its aircraft answer.")] = None,
    responses: Annotated[Path | None, typer.Option(help="Folder for the sorties that answer, one folder each.")] = None,
    brief: Annotated[Path | None, typer.Option(help="Brief of the patrol: alarms belong near its border.")] = None,
    reach_km: Annotated[float, typer.Option(min=0.1, help="How near.")] = 10.0,
    per_minute: Annotated[float, typer.Option(min=0.1, max=600.0, help="Most alarms of one source.")] = 6.0,
    user: Annotated[str, typer.Option(help="Our account at the broker.")] = "",
    password_file: Annotated[
        Path | None, typer.Option(help="File, or descriptor such as /dev/fd/3, whose first line is its password.")
    ] = None,
    cert: Annotated[Path | None, typer.Option(help="Our certificate (PEM).")] = None,
    key: Annotated[Path | None, typer.Option(help="Its key (PEM).")] = None,
    ca: Annotated[Path | None, typer.Option(help="Certificate of the authority that we believe (PEM).")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="End by itself after so long.")] = None,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    actor: Actor = None,
) -> None:
    """Take alarms in by MQTT or Cursor on Target, and open a card for each in the review console.

    An alarm moves nothing: with --plan a judged sortie that answers it is written, and flies when a named person
    releases it (vedette respond --release, vedette fly --approve). What is too large, impossible, old, known, from
    somebody else or one too many is refused, and counted in the log. Runs until Ctrl-C.
    """
    from operations.cues.alarm import Expected
    from operations.cues.intake import Intake, Rules
    from operations.exports.send_link import Identity
    from operations.finding.border import BorderLine

    if mqtt is None and cot is None:
        raise InputError("name where alarms come from: --mqtt mqtts://HOST:PORT/TOPIC or --cot tls:HOST:PORT")
    if (plan is None) != (responses is None):
        raise InputError("--plan and --responses belong together: whose aircraft answer, and where the sorties go")
    links = _Links(mqtt, cot, Identity(cert=cert, key=key, ca=ca), user, _password(password_file))
    lines = () if brief is None else _lines(brief)
    expected = Expected(border=BorderLine(lines) if lines else None, reach_m=reach_km * 1_000.0)
    rules = Rules(sources=links.sources(source or ()), expected=expected, a_minute=per_minute)
    answer = None if plan is None or responses is None else _answering(plan, brief, responses)
    with opened(operation, key_file, passphrase_file, actor) as store:
        _follow(links, Intake(store, rules, time.monotonic), store, answer, seconds)


class _Links:
    """Where alarms come from: read from options, opened together, all into one queue."""

    def __init__(self, mqtt: str | None, cot: str | None, identity: Any, user: str, password: str) -> None:
        from operations.cues.mqtt_link import Broker
        from operations.exports.send_link import Address

        self._broker = None if mqtt is None else Broker.parse(mqtt, user=user, password=password, identity=identity)
        self._server = None if cot is None else Address.parse(cot)
        self._identity = identity
        self.waiting: queue.Queue[tuple[str, bytes, bool]] = queue.Queue(_WAITING)
        self.dropped = 0
        self._turn = threading.Lock()

    def sources(self, named: list[str] | tuple[str, ...]) -> frozenset[str]:
        """Return whose alarms count: the sources named at a broker, and the server itself."""
        if self._broker is not None and not named:
            raise InputError("--source is missing: name each source of the broker whose alarms count")
        return frozenset((*named, *(() if self._server is None else (str(self._server),))))

    def open(self, stack: contextlib.ExitStack) -> None:
        """Connect."""
        from operations.cues import cot_link, mqtt_link

        if self._broker is not None:
            came = lambda source, data: self._put(source, data, event=False)  # noqa: E731
            stack.enter_context(mqtt_link.listening(self._broker, came, _say))
        if self._server is not None:
            came = lambda source, data: self._put(source, data, event=True)  # noqa: E731
            stack.enter_context(cot_link.listening(self._server, self._identity, came, _say))

    def lost(self) -> int:
        """Return how many messages found no room since this was last asked."""
        with self._turn:
            dropped, self.dropped = self.dropped, 0
        return dropped

    def _put(self, source: str, data: bytes, *, event: bool) -> None:
        try:
            self.waiting.put_nowait((source, data, event))
        except queue.Full:
            with self._turn:
                self.dropped += 1


def _follow(
    links: _Links, intake: Intake, store: OperationStore, answer: Callable[[Alarm], dict[str, Any]] | None,
    seconds: float | None,
) -> None:  # fmt: skip
    from operations.cues.alarm import alarm_of_event, alarm_of_json
    from operations.cues.cards import add_response

    stop, end_s = threading.Event(), None if seconds is None else time.monotonic() + seconds
    with contextlib.ExitStack() as stack:
        stack.callback(intake.tell, last=True)
        stack.enter_context(answered_by(stop.set))
        links.open(stack)
        while not stop.is_set() and (end_s is None or time.monotonic() < end_s):
            for _ in range(links.lost()):
                intake.count("others", "busy")
            intake.tell()
            try:
                source, data, event = links.waiting.get(timeout=_LOOK_S)
            except queue.Empty:
                continue
            read = alarm_of_event if event else alarm_of_json
            alarm = intake.offer(source, lambda source=source, data=data, read=read: read(source, data))  # type: ignore[misc]
            if alarm is not None:
                _say(f"alarm {alarm.alarm_id} of {source}: {alarm.lat_deg:.5f}, {alarm.lon_deg:.5f} {alarm.kind}")
                if answer is not None:
                    told = answer(alarm)
                    add_response(store, alarm, told)
                    _say(told.get("refused") or f"{told['aircraft']} would be there in {told['arrives_in_s']:.0f} s")


def _answering(plan: Path, brief: Path | None, responses: Path) -> Callable[[Alarm], dict[str, Any]]:
    """Return what makes the sortie that answers an alarm, and says where it is or why there is none."""
    from missions.plan_files.plan_folder_file import read_plan_folder

    if not read_plan_folder(plan).start_utc:
        raise InputError(
            f"--plan {plan} does not say when its patrol begins, so nobody knows where its aircraft are: put "
            "time.start_utc into the brief and plan again, or leave --plan and --responses out"
        )

    def answer(alarm: Alarm) -> dict[str, Any]:
        now = dt.datetime.now(dt.UTC).isoformat()
        folder = responses / re.sub(r"[^A-Za-z0-9._-]", "-", f"{alarm.source}-{alarm.alarm_id}")
        try:
            response = answered(plan, brief, (alarm.lat_deg, alarm.lon_deg), now)
            written(response, folder, force=False)
        except VedetteError as error:
            return {"refused": error.message}
        return {"folder": str(folder), **told_of(response)}

    return answer


def _lines(brief: Path) -> Any:
    from missions.briefs.brief_file import read_brief

    return read_brief(brief).border.lines


def _password(path: Path | None) -> str:
    from operations.vault.keys_file import read_passphrase_file

    return "" if path is None else read_passphrase_file(path).value.decode("utf-8", "replace")


def _say(text: str) -> None:
    ERRORS.print(text, soft_wrap=True, markup=False)
    sys.stderr.flush()
