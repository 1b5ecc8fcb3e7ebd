"""``vedette clip``: cut the stretch that shows a thing, or a time, out of a recording, with its telemetry."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detection.ground_hits import UNKNOWN_NS
from geo.errors import InputError
from telemetry.tracks.stated_times import parse_span
from vedette.commands.purpose_options import CaseNumber, Reason
from vedette.commands.question_options import Actor, Asker, FromTime, ToTime, require_new_stream
from vedette.commands.screen import ERRORS, print_json
from vedette.commands.secret_options import KeyFile, PassphraseFile
from vedette.commands.signing_options import SigningPassphraseFile
from vedette.commands.two_people import FirstKey, SecondKey, SecondPassphraseFile, TwoKeys

if TYPE_CHECKING:
    from operations.exports.recordings import Recording
    from operations.finding.archive import Archive
    from operations.frames import Frames
    from operations.store import OperationStore

app = typer.Typer(add_completion=False)


@app.command(
    epilog="Example: vedette clip night-1 --track 4f2a91c0 -o group.ts --case 2026-0412 "
    '--reason "for the prosecutor" --signing-key ana.key --second-key ben.key'
)
def clip(
    operation: Annotated[Path, typer.Argument(help="An operation folder.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The MPEG-TS to write; it must not be there yet.")],
    track: Annotated[str | None, typer.Option(help="Id of the track or single hit to show.")] = None,
    from_time: FromTime = None,
    to_time: ToTime = None,
    recording: Annotated[str | None, typer.Option(help="Which recording, where several fit.")] = None,
    around_s: Annotated[float, typer.Option(min=0.0, help="Seconds before and after.")] = 2.0,
    recipient: Annotated[str | None, typer.Option(help="Whom it is for; goes into the log.")] = None,
    signing_key: FirstKey = None,
    second_key: SecondKey = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    case: CaseNumber = None,
    reason: Reason = None,
    key_file: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    signing_passphrase_file: SigningPassphraseFile = None,
    second_passphrase_file: SecondPassphraseFile = None,
    actor: Actor = None,
) -> None:
    """Cut a stretch of a recording, pictures and KLV as they were recorded; nothing is encoded anew, nothing hidden.

    Everybody in it is to be seen, so two people let it leave, each with a signing key of their own.
    """
    from operations.consultation import Access
    from telemetry.videos.clip_file import cut_clip

    start, end = parse_span(from_time, to_time)
    if (track is None) == (start is None) or (start is None) != (end is None):
        raise InputError("give either --track ID, or --from and --to")
    require_new_stream(out)
    asker = Asker(actor=actor, case=case, reason=reason, key_file=key_file, passphrase_file=passphrase_file)
    with asker.opened([operation], Access.EXPORT, "clip") as asked:
        if track is not None:
            stretch = _of_track(asked.archive, track)
        else:
            stretch = _of_time(asked.archive.stores[0], start or 0, end or 0, recording)
        first_s, last_s = max(stretch.first_s - around_s, 0.0), stretch.last_s + around_s
        handed = {"recording": stretch.recording.media.id, "first_s": first_s, "last_s": last_s, "file": out.name}
        keys = TwoKeys(
            first=signing_key, first_passphrase_file=signing_passphrase_file,
            second=second_key, second_passphrase_file=second_passphrase_file,
        )  # fmt: skip
        asked.consultations[0].exported("clip", keys.agree(handed | ({"to": recipient} if recipient else {})))
        with stretch.recording.lent() as source:
            cut = cut_clip(source, out, first_s=first_s, last_s=last_s)
    if as_json:
        print_json({"path": str(out), "recording": stretch.recording.media.name, **dataclasses.asdict(cut)})
    else:
        ERRORS.print(
            f"{out}: {cut.pictures} pictures and {cut.klv_packets} KLV packets of {stretch.recording.media.name}, "
            f"{cut.first_pts_s:.3f} s to {cut.last_pts_s:.3f} s"
        )
        for one in cut.left_out:
            ERRORS.print(f"left out: {one}")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Stretch:
    """A time of one recording, in seconds of its own."""

    recording: Recording
    first_s: float
    last_s: float


def _of_track(archive: Archive, thing_id: str) -> _Stretch:
    import numpy as np

    from operations.exports.recordings import Recording
    from operations.finding.hits_of_things import belong_to
    from operations.finding.selection import ThingSelection, find
    from operations.finding.thing_index import ThingIndex

    store = archive.stores[0]
    things = find(archive, ThingIndex(archive), ThingSelection(thing_ids=(thing_id,), singles=True)).things
    hits = store.hits(runs=sorted(set(things.text["run_id"].texts().tolist()))) if len(things) else store.hits(runs=[])
    shown = hits.take(belong_to(hits, things, archive) & (hits.media_t_ns != UNKNOWN_NS))
    media = shown.media.counts()
    if not media:
        raise InputError(f"--track: {store.path} has no track or hit {thing_id!r} with a time in a recording")
    longest = max(media, key=lambda name: media[name])
    times = shown.media_t_ns[shown.media.texts() == longest]
    first_s, last_s = float(np.min(times)) / 1e9, float(np.max(times)) / 1e9
    return _Stretch(recording=Recording.of(store, longest), first_s=first_s, last_s=last_s)


def _no_picture(path: Path, frames: Frames) -> str:
    from operations.finding.described import utc_text

    dated = frames.t_utc_ns[frames.t_utc_ns > 0]
    there = f"; they are from {utc_text(int(dated.min()))} to {utc_text(int(dated.max()))}" if len(dated) else ""
    return f"no recording of {path} has an analysed picture of that time{there}"


def _of_time(store: OperationStore, start_ns: int, end_ns: int, name: str | None) -> _Stretch:
    from operations.exports.recordings import Recording

    frames = store.frames()
    rows = (frames.t_utc_ns >= start_ns) & (frames.t_utc_ns <= end_ns) & (frames.media_t_ns != UNKNOWN_NS)
    shown = frames.media.take(rows).counts()
    if name is not None:
        chosen = Recording.named(store, name)
    elif len(shown) == 1:
        chosen = Recording.of(store, next(iter(shown)))
    else:
        names = ", ".join(media.name for media in store.media() if media.id in shown)
        fits = f"{len(shown)} recordings have pictures of that time ({names}): name one with --recording"
        raise InputError(fits if shown else _no_picture(store.path, frames))
    of_it = frames.media_t_ns[rows & (frames.media.texts() == chosen.media.id)]
    if not len(of_it):
        raise InputError(f"{chosen.media.name} has no analysed picture of that time")
    return _Stretch(recording=chosen, first_s=float(of_it.min()) / 1e9, last_s=float(of_it.max()) / 1e9)
