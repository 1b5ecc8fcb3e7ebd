"""``vedette calibrate``: how a camera is really mounted, and its lens, from a flight over known points."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from geo.errors import InputError
from telemetry.recordings.stated import Stated
from vedette.commands.screen import ERRORS, RESULTS, line, print_json

if TYPE_CHECKING:
    from geo.calibration import Calibration, Sightings
    from geo.values import CameraModel, FloatArray
    from telemetry.recordings.known_points_file import KnownPoints
    from telemetry.recordings.reading import RecordingReader
    from telemetry.recordings.reading_options import ReadingOptions

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: vedette calibrate over-marks.ts marks.csv --out camera-7.toml")
def calibrate(
    clip: Annotated[Path, typer.Argument(help="A clip of the flight, with whatever says where the camera was.")],
    points: Annotated[
        Path, typer.Argument(help="CSV: media_s, u_px, v_px, lat_deg, lon_deg, alt_amsl_m (or alt_hae_m).")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Camera file to write (.toml).")],
    track: Annotated[Path | None, typer.Option(help="Log, table or subtitles that pose the clip.")] = None,
    offset: Annotated[str, typer.Option(help="Seconds the log's clock is ahead of the clip's, or auto.")] = "auto",
    start: Annotated[str | None, typer.Option(help="UTC of the first picture of a clip without a date.")] = None,
    utc_offset: Annotated[str | None, typer.Option(help="Zone of the camera's clock, as +02:00.")] = None,
    home_alt_amsl_m: Annotated[float | None, typer.Option(help="Height of the take-off point.")] = None,
    mount: Annotated[str | None, typer.Option(help="YAW,PITCH,ROLL of a camera whose log says nothing of it.")] = None,
    camera: Annotated[
        str | None, typer.Option(help="A camera's name, or its horizontal field of view in degrees.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Estimate mount angles, focal length and distortion over four known points or more, and keep them as a file.

    Ends with 1 when sightings were left out because they do not fit the others.
    """
    from geo.calibration import calibrate as estimate
    from telemetry.recordings.camera_file import write_camera
    from telemetry.recordings.known_points_file import read_known_points
    from telemetry.recordings.open_recordings import open_recordings
    from telemetry.recordings.reading import read

    if out.suffix.lower() != ".toml":
        raise InputError(f"{out}: a camera file ends in .toml, by which --camera knows it", path=str(out))
    stated = Stated(
        offset=offset, start=start, utc_offset=utc_offset, home_alt_amsl_m=home_alt_amsl_m, mount=mount, camera=camera
    )
    options = stated.options()
    marks = read_known_points(points, options.undulation)
    recordings = open_recordings(clip, track=track).recordings
    with read(recordings[0], options) as reader:
        seen, media_s, lens = _sightings(reader, marks, options)
        problems = reader.problems
    found = estimate(seen, lens)
    write_camera(out, found, made_from=f"{clip.name} and {points.name}")
    if as_json:
        told = {"left_out_media_s": media_s[list(found.unfit)].tolist(), "problems": [one.message for one in problems]}
        print_json(_as_object(found, out) | told)
    else:
        _show(found, out)
        for problem in problems:
            ERRORS.print(line(("problem:", "yellow"), f" {problem.message}"), soft_wrap=True)
    for left_out in _left_out(seen, media_s, found):
        ERRORS.print(line(("left out:", "yellow"), f" {left_out}"))
    if found.unfit:
        raise typer.Exit(1)


def _show(found: Calibration, out: Path) -> None:
    sigma, fitting = found.sigmas, found.sightings - len(found.unfit)
    RESULTS.print(
        f"boresight yaw {found.yaw_deg:+.3f}, pitch {found.pitch_deg:+.3f}, roll {found.roll_deg:+.3f} degrees (one "
        f"sigma {sigma['yaw_deg']:.3f}, {sigma['pitch_deg']:.3f}, {sigma['roll_deg']:.3f})"
    )
    RESULTS.print(
        f"focal length {found.camera.fx_px:.1f} px (to {100 * sigma['focal_rel']:.2f} %), k1 {found.camera.k1:+.4f}; "
        f"{fitting} sightings of {found.points} points, residual {found.residual_px:.1f} px"
    )
    RESULTS.print(f"90 % of them within {found.ce90_after_m:.1f} m of their points; before {found.ce90_before_m:.1f} m")
    ERRORS.print(f"kept in {out}: give it with --camera {out}")


def _left_out(seen: Sightings, media_s: FloatArray, found: Calibration) -> list[str]:
    """Say of each point which of its sightings do not fit, and what to look at."""
    places = np.stack([seen.lat_deg, seen.lon_deg], axis=1)
    unfit = np.zeros(len(seen), dtype=np.bool_)
    unfit[list(found.unfit)] = True
    told = []
    for place in np.unique(places[unfit], axis=0):
        own = (places == place).all(axis=1)
        rows, all_of_them = np.flatnonzero(own & unfit), bool(unfit[own].all())
        what = "check its place" if all_of_them else f"from {media_s[rows[0]]:.2f} s on: check pixel and time"
        shown = f"the point at {place[0]:.7f}, {place[1]:.7f}"
        told.append(f"{len(rows)} of {own.sum()} sightings of {shown} do not fit the others; {what}")
    return told


def _sightings(
    reader: RecordingReader, marks: KnownPoints, options: ReadingOptions
) -> tuple[Sightings, FloatArray, CameraModel]:
    """Return the sightings whose moments have a pose, those moments, and the lens as it is stated."""
    from geo.calibration import Sightings
    from geo.values import CameraModel, Poses

    posing, facts = reader.posing, reader.facts
    if posing is None or facts is None:
        raise InputError("a calibration needs a clip with telemetry, not pictures")
    if posing.refusal:
        raise InputError(
            f"the clip has no poses: {posing.refusal}; state what is missing, such as --mount YAW,PITCH,ROLL"
        )
    moments = posing.clock.utc_ns(marks.media_s)
    poses, whole = posing.at(0, moments)
    rows = np.flatnonzero(whole & (moments >= 0))
    if not len(rows):
        raise InputError("no sighting falls on a moment at which the clip has a pose: check media_s")
    columns = {name: getattr(poses, name)[rows] for name in Poses.__dataclass_fields__ if name != "gimbal_frame"}
    kept = Poses(gimbal_frame=poses.gimbal_frame, **columns)
    if options.camera is not None:
        lens = options.camera.model(facts.width_px, facts.height_px)
    else:
        hfov, vfov = _usual(kept.hfov_deg), _usual(kept.vfov_deg)
        if not np.isfinite(hfov):
            raise InputError("the clip states no field of view: give --camera NAME or its angle as a first value")
        sides = {"width_px": facts.width_px, "height_px": facts.height_px}
        lens = CameraModel.from_fov(hfov_deg=hfov, vfov_deg=vfov if np.isfinite(vfov) else None, **sides)
    chosen = {name: getattr(marks, name)[rows] for name in ("lat_deg", "lon_deg", "alt_hae_m")}
    uv_px = np.stack([marks.u_px, marks.v_px], axis=1)[rows]
    return Sightings(poses=kept, uv_px=uv_px, **chosen), marks.media_s[rows], lens


def _usual(values: FloatArray) -> float:
    """Return the median of what is known, NaN where nothing is."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _as_object(found: Calibration, out: Path) -> dict[str, Any]:
    return {
        "camera": str(out),
        "yaw_deg": found.yaw_deg,
        "pitch_deg": found.pitch_deg,
        "roll_deg": found.roll_deg,
        "fx_px": found.camera.fx_px,
        "k1": found.camera.k1,
        "sigmas": found.sigmas,
        "residual_px": found.residual_px,
        "ce90_before_m": found.ce90_before_m,
        "ce90_after_m": found.ce90_after_m,
        "sightings": found.sightings,
        "points": found.points,
    }
