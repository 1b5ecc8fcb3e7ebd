"""``vedette eval``: how good a detector is, on labelled pictures, films with truth, and simulated patrols."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from vedette.commands.ground_options import TerrainDatum
from vedette.commands.screen import ERRORS, RESULTS, print_json, progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from detection.calibration import Calibration
    from detection.values import Detections, Detector
    from geo.values import Terrain
    from vedette.commands.eval_follow import FollowScore
    from vedette.commands.eval_held_out import HeldOut
    from vedette.commands.eval_sources import LabelledFrame, Source

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: vedette eval --pictures hit-uav/annotations/val.json --patrol 11 --report report.html")
def evaluate(
    model: Annotated[Path | None, typer.Option(help="An .onnx or trusted .pt file (default: the bundled one).")] = None,
    pictures: Annotated[list[Path] | None, typer.Option(help="COCO .json or YOLO .yaml; may be repeated.")] = None,
    runs: Annotated[str, typer.Option(help="Only these runs of HIT-UAV, such as '2,4'.")] = "",
    film: Annotated[
        list[Path] | None, typer.Option(help="Film with its .truth.npz beside it; may be repeated.")
    ] = None,
    patrol: Annotated[list[int] | None, typer.Option(help="Seed of a simulated patrol; may be repeated.")] = None,
    frames: Annotated[int, typer.Option(min=1, help="Frames of each simulated patrol.")] = 150,
    score: Annotated[float | None, typer.Option(min=0.01, max=0.99, help="Score limit (default: what runs.)")] = None,
    hours: Annotated[
        float, typer.Option(min=0.0, max=1000.0, help="Also follow so many hours of simulated boxes (no model runs).")
    ] = 0.0,
    passes: Annotated[
        int, typer.Option(min=1, max=20, help="How often these hours come by the same ground; 1 is new ground always.")
    ] = 1,
    filmed: Annotated[
        float, typer.Option(min=0.0, max=600.0, help="Also so many minutes of a patrol drawn and looked at: slow.")
    ] = 0.0,
    mot: Annotated[
        tuple[Path, Path] | None, typer.Option(help="Truth and tracks of the MOT challenges: gt.txt result.txt.")
    ] = None,
    terrain: Annotated[Path | None, typer.Option(help="Ground of the films (default: level).")] = None,
    terrain_datum: TerrainDatum = None,
    calibrate: Annotated[bool, typer.Option(help="Learn the scores' calibration from all this and write it.")] = False,
    hold_out: Annotated[
        bool, typer.Option("--hold-out", help="Also judge each run's probabilities by curves of the other runs alone.")
    ] = False,
    threads: Annotated[int, typer.Option(min=1, help="Processor threads.")] = 2,
    report: Annotated[Path | None, typer.Option(help="Write one self-contained HTML page.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
) -> None:
    """Score a detector: precision, recall, average precision, all by pixel height, and how honest its scores are.

    Films are placed and followed too: HOTA, IDF1 and their ceiling, false person tracks an hour, ground errors.
    Without a source it scores 60 frames of the simulated patrol with seed 7001.
    """
    from detection.calibration_file import calibration_path, read_calibration, write_calibration
    from detection.model_file import load_detector
    from detection.model_manifest_file import default_model, model_at
    from detection.model_output import Filter
    from vedette.commands.eval_follow import filmed_patrols, score_followed
    from vedette.commands.eval_held_out import held_out, require_several
    from vedette.commands.eval_report import write_report
    from vedette.commands.eval_scores import calibration_of, score_source

    ground = films_ground(terrain, terrain_datum)
    chosen = default_model() if model is None else model_at(model)
    limit = Filter().score_min if score is None else score
    keep = Filter(score_min=0.01, boxes_max=300)
    detector, described = load_detector(chosen, keep=keep, threads=threads, calibrated=False)
    sha256 = described.rsplit(":", 1)[-1]
    held = calibration_path(chosen)
    known = read_calibration(held, sha256) if held.is_file() and not calibrate else None
    wanted = (
        _sources(pictures or [], runs.split(",") if hold_out else [runs], film or [], patrol or [], frames)
        if not (hours or filmed or mot) or pictures or film
        else []
    )
    if hold_out:
        require_several(wanted)
    judged = [(one, *_detect(detector, one)) for one in wanted]
    if calibrate:
        known = calibration_of(judged, sha256)
        write_calibration(known, held)
        taught = ", ".join(f"{name} ({max(c.boxes for c in curves)} boxes)" for name, curves in known.curves.items())
        ERRORS.print(f"wrote {held}: probabilities of {taught}; other classes keep their scores", soft_wrap=True)
    scores = [score_source(one, found, true, limit, known) for one, found, true in judged]
    apart = held_out(judged, limit) if hold_out else ()
    follows = _follow(judged, limit, ground, (hours, passes), known)
    if filmed > 0.0:
        shown, _ = load_detector(chosen, threads=threads)
        follows.append(score_followed(f"{filmed:g} min of a filmed patrol", filmed_patrols(filmed, FILMED_SEED, shown)))
    followed = None if mot is None else _mot(*mot)
    if report is not None:
        write_report(report, described, limit, scores, follows)
    if as_json:
        sets = [dataclasses.asdict(one) for one in scores]
        follow = [dataclasses.asdict(one) for one in follows]
        told = {"model": described, "score_min": limit, "sets": sets, "follow": follow, "mot": followed}
        print_json(told | {"held_out": [dataclasses.asdict(one) for one in apart]})
        return
    _show(described, limit, scores)
    _show_held_out(apart)
    _show_follow(follows)
    if followed is not None:
        RESULTS.print("MOT: " + ", ".join(f"{name} {value:.4f}" for name, value in followed.items()))


def films_ground(terrain: Path | None, datum: str | None) -> Terrain | None:
    """Open the films' ground; None where no file is given: each film's own level then.

    Raises
    ------
    InputError
        As `read_stated_ground`.
    """
    from geo.stated_ground_file import read_stated_ground

    if terrain is None and datum is None:
        return None
    return read_stated_ground(terrain, None, datum=datum)


def _mot(truth: Path, result: Path) -> dict[str, float]:
    """Score a tracker's file against the truth as the MOT challenges do."""
    from detection.mot_file import read_mot
    from detection.track_scoring import compare

    reached = compare(read_mot(truth, truth=True), read_mot(result, truth=False), overlap_min=0.5)
    return dataclasses.asdict(reached)


def _follow(
    judged: list[tuple[Source, list[Detections], list[LabelledFrame]]],
    limit: float,
    ground: Terrain | None,
    simulate: tuple[float, int],
    known: Calibration | None,
) -> list[FollowScore]:
    """Follow films, and hours of simulated boxes over so many passes where asked for."""
    from vedette.commands.eval_follow import followed_film, score_followed, simulated

    scores = []
    for source, found, true in judged:
        if known is not None:
            found = [_with_chances(one, known) for one in found]  # noqa: PLW2901 - the same boxes, with their chances
        film = followed_film(source, found, true, limit, ground)
        if film is not None:
            scores.append(score_followed(source.name, [film]))
    hours, passes = simulate
    if hours > 0.0:
        name = f"{hours:g} h of simulated boxes" + (f", {passes} passes" if passes > 1 else "")
        scores.append(score_followed(name, list(simulated(hours, SIMULATED_SEED, passes))))
    return scores


SIMULATED_SEED = 900
"""First world of the hours of patrol; no setting was chosen on these."""
FILMED_SEED = 1


def _with_chances(found: Detections, known: Calibration) -> Detections:
    """Give boxes their calibrated chances."""
    from detection.training.recipe import CLASS_NAMES

    return dataclasses.replace(found, probabilities=known.probabilities(found, CLASS_NAMES).astype("float32"))


def _show_follow(follows: list[FollowScore]) -> None:
    for one in follows:
        RESULTS.print()
        RESULTS.print(f"{one.name}: {one.hours:.2f} h, {one.things} things, {one.tracks} tracks")
        RESULTS.print(
            f"HOTA {one.hota:.3f} of {one.hota_ceiling:.3f} that these boxes allow, IDF1 {one.idf1:.3f} of "
            f"{one.idf1_ceiling:.3f}, {one.switches_per_thing:.2f} id switches a thing, "
            f"{one.labelled_share:.1%} of boxes on a track"
        )
        RESULTS.print(
            f"ground error {one.ground_error_median_m:.1f} m (median), {one.ground_error_p90_m:.1f} m (90 %); "
            f"{one.inside_ce90_share:.1%} inside CE90"
        )
        table = Table("tracks of existence", "persons' visits found", "false person tracks an hour", "95 % bound")
        for row in one.limits:
            bound = f"{row.false_per_hour_bound:.2f}"
            table.add_row(f"{row.existence_min:g}", f"{row.visit_recall:.3f}", f"{row.false_per_hour:.2f}", bound)
        RESULTS.print(table, soft_wrap=False)
        told = Table("event", "happened", "of these told", "told", "of these right", "expected", "came true")
        for event in one.events:
            if event.happened or event.told:
                counts = (event.happened, event.found, event.told, event.right, round(event.expected), event.came_true)
                told.add_row(event.kind, *map(str, counts))
        if told.row_count:
            RESULTS.print(told, soft_wrap=False)


def _sources(pictures: list[Path], runs: list[str], films: list[Path], patrols: list[int], frames: int) -> list[Source]:
    from vedette.commands.eval_sources import film_source, patrol_source, picture_source

    sources = [picture_source(path, one) for one in runs for path in pictures]
    sources += [film_source(path) for path in films]
    sources += [patrol_source(seed, frames) for seed in patrols]
    return sources or [patrol_source(7001, min(frames, 60))]


def _detect(detector: Detector, source: Source) -> tuple[list[Detections], list[LabelledFrame]]:
    """Run the detector over a source; pictures are let go as soon as they were looked at."""
    import numpy as np

    from detection.training.pictures_file import class_number

    numbers = np.array([-1 if (n := class_number(name)) is None else n for name in detector.class_names] or [-1])
    found: list[Detections] = []
    true: list[LabelledFrame] = []
    empty = np.zeros((0, 0, 3), dtype=np.uint8)
    with progress() as bars:
        for frame in bars.track(source.frames(), total=source.count, description=source.name):
            one = detector.detect([frame.image])[0]
            found.append(dataclasses.replace(one, classes=numbers[one.classes]))
            posed = None if frame.frame is None else dataclasses.replace(frame.frame, image=_blank(frame.image))
            true.append(dataclasses.replace(frame, image=empty, frame=posed))
    return found, true


def _show_held_out(classes: tuple[HeldOut, ...]) -> None:
    if not classes:
        return
    table, tenths = Table("class", "boxes", "ECE", "by chance", "Brier"), Table("said", *(one.name for one in classes))
    for one in classes:
        errors = (f"{value:.3f}" for value in (one.calibration_error, one.chance_error, one.brier))
        table.add_row(one.name, str(one.boxes), *errors)
    for k in range(len(classes[0].counts)):
        right = (f"{one.happened[k]:.2f} of {one.counts[k]}" if one.counts[k] else "" for one in classes)
        tenths.add_row(f"{k / 10:g} to {(k + 1) / 10:g}", *right)
    RESULTS.print()
    RESULTS.print("probabilities of each run by curves of the other runs, and what share of boxes was right")
    RESULTS.print(table, soft_wrap=False)
    RESULTS.print(tenths, soft_wrap=False)


def _blank(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture of the same shape that takes no memory."""
    import numpy as np

    return np.broadcast_to(np.zeros(1, dtype=np.uint8), image.shape)


def _show(described: str, limit: float, scores: list[Any]) -> None:
    RESULTS.print(described)
    for one in scores:
        table = Table("class", "band", "things", "AP50", "AP", f"precision at {limit:g}", f"recall at {limit:g}", "ECE")
        for row in one.rows:
            shares = (row.ap50, row.ap, row.precision, row.recall, row.calibration_error)
            table.add_row(row.name, row.band, str(row.truths), *("" if v != v else f"{v:.3f}" for v in shares))
        RESULTS.print()
        RESULTS.print(f"{one.name}: {one.pictures} pictures, overlap {one.overlap_min:g}, {one.evaluator}")
        RESULTS.print(table, soft_wrap=False)
