"""``vedette locate``: where a pixel of a picture lies on the ground, and how sure that is."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geo.cameras import FOCAL_REL, find_camera
from geo.errors import InputError
from geo.values import CameraModel, GimbalFrame, Pose, PoseSigmas, Unplaced
from telemetry.tracks.stated_times import parse_utc_offset
from vedette.commands.ground_options import TerrainDatum
from vedette.commands.screen import ERRORS, RESULTS, print_json, tell_terrain_problems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.values import GroundPoint, Terrain
    from telemetry.pictures.picture_view import PictureView
    from telemetry.tracks.pose_track import Problem

app = typer.Typer(add_completion=False, help="Place a pixel of a picture on the ground.")

EPILOG = (
    "Example: vedette locate DJI_0419.JPG --pixel 2000,1125 --terrain N33W085.hgt.  "
    "Without a picture: vedette locate --pose 50.0,8.0,320,75,-30,0 --camera 62,1920,1080 --pixel 960,540 "
    "--terrain dem/"
)

GROUND_TERRAIN, GROUND_FLAT = "terrain", "flat plane"


@app.command(epilog=EPILOG)
def locate(
    picture: Annotated[Path | None, typer.Argument(help="A drone picture with EXIF and XMP.")] = None,
    pixel: Annotated[
        list[str] | None, typer.Option(help="U,V from the top-left corner; again for more. Default: the centre.")
    ] = None,
    pose: Annotated[
        str | None,
        typer.Option(help="LAT,LON,ALT_AMSL_M,YAW,PITCH,ROLL of the camera, degrees against north and level."),
    ] = None,
    camera: Annotated[str | None, typer.Option(help="A camera's name, or HFOV_DEG,WIDTH,HEIGHT.")] = None,
    terrain: Annotated[Path | None, typer.Option(help="GeoTIFF, .hgt, DTED, or a folder of tiles.")] = None,
    terrain_datum: TerrainDatum = None,
    flat_alt_amsl_m: Annotated[
        float | None, typer.Option(help="Take the ground for a plane at this height instead; the result says so.")
    ] = None,
    home_alt_amsl_m: Annotated[
        float | None,
        typer.Option(help="Height of the take-off point; the picture's height over it is then used."),
    ] = None,
    utc_offset: Annotated[str | None, typer.Option(help="Zone of the camera's clock, as +02:00.")] = None,
    max_range_m: Annotated[float, typer.Option(min=1.0, help="Longest ray.")] = 20_000.0,
    sigma_yaw_deg: Annotated[float, typer.Option(min=0.0, help="One-sigma error of the camera's yaw.")] = 2.0,
    sigma_pitch_deg: Annotated[float, typer.Option(min=0.0, help="... of its pitch.")] = 1.0,
    sigma_h_m: Annotated[float | None, typer.Option(min=0.0, help="... of the position, per horizontal axis.")] = None,
    sigma_v_m: Annotated[float | None, typer.Option(min=0.0, help="... of the height.")] = None,
    sigma_terrain_m: Annotated[float, typer.Option(min=0.0, help="... of the terrain.")] = 2.0,
    yaw_bias_deg: Annotated[float, typer.Option(help="Known yaw error, taken off before placing.")] = 0.0,
    pitch_bias_deg: Annotated[float, typer.Option(help="Known pitch error, taken off before placing.")] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a pixel.")] = False,
) -> None:
    """Place pixels of a picture on the ground, with CE90, LE90 and MGRS.

    Leaves with 1 when a pixel has no ground position, or when the picture may have been turned since it was taken.
    """
    budget = PoseSigmas(yaw_deg=sigma_yaw_deg, pitch_deg=sigma_pitch_deg, terrain_m=sigma_terrain_m)
    if (picture is None) == (pose is None):
        raise InputError("give either a picture or --pose LAT,LON,ALT_AMSL_M,YAW,PITCH,ROLL")
    ground, ground_kind = _ground(terrain, terrain_datum, flat_alt_amsl_m)
    doubts = tell_terrain_problems(ground)
    if picture is None and home_alt_amsl_m is not None:
        raise InputError("--home-alt-amsl-m is for pictures; --pose states its height itself")
    said = _Said(home_alt_amsl_m=home_alt_amsl_m, utc_offset_s=parse_utc_offset(utc_offset), ground=ground)
    view = _view(picture, pose, camera, budget, said)
    stated = {"position_h_m": sigma_h_m, "position_v_m": sigma_v_m}
    sigmas = dataclasses.replace(view.sigmas, **{name: value for name, value in stated.items() if value is not None})
    biased = _without_bias(view.pose, yaw_bias_deg, pitch_bias_deg)
    pixels = _pixels(pixel, view)
    rows = _place(dataclasses.replace(view, pose=biased, sigmas=sigmas), pixels, ground, max_range_m)
    bias = {"yaw_bias_deg": yaw_bias_deg, "pitch_bias_deg": pitch_bias_deg}
    for row in rows:
        row |= {"ground": ground_kind, **bias, "problems": [*(p.message for p in view.problems), *doubts]}
        row |= {"laser": _laser(row, view)}
    _show(rows, view.problems, as_json=as_json)
    if any(row["reason"] == Unplaced.NO_TERRAIN for row in rows):
        _tell_bounds(view.pose, ground)
    turned = any(problem.kind == "rotated_by_viewer" for problem in view.problems)
    if turned or any(row["reason"] for row in rows):
        raise typer.Exit(1)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What a person states of a picture: height of the take-off point, zone of the clock; and the ground."""

    home_alt_amsl_m: float | None
    utc_offset_s: float | None
    ground: Terrain


def _view(picture: Path | None, pose: str | None, camera: str | None, sigmas: PoseSigmas, said: _Said) -> PictureView:
    from telemetry.pictures.picture_view import PictureView, read_view

    if picture is not None:
        view = read_view(
            picture, sigmas, said.ground, home_alt_amsl_m=said.home_alt_amsl_m, utc_offset_s=said.utc_offset_s
        )
        return view if camera is None else _through(view, camera)
    if camera is None:
        raise InputError("--pose needs --camera NAME or --camera HFOV_DEG,WIDTH,HEIGHT")
    focal_rel, doubts = _camera_doubt(camera)
    return PictureView(
        pose=parse_pose(pose or ""),
        camera=parse_camera(camera),
        sigmas=dataclasses.replace(sigmas, focal_rel=focal_rel),
        problems=doubts,
    )


def _through(view: PictureView, camera: str) -> PictureView:
    """Return a picture as seen through the camera that a person names."""
    focal_rel, doubts = _camera_doubt(camera)
    return dataclasses.replace(
        view,
        camera=parse_camera(camera, (view.camera.width_px, view.camera.height_px)),
        sigmas=dataclasses.replace(view.sigmas, focal_rel=focal_rel),
        problems=(*(problem for problem in view.problems if problem.kind not in CAMERA_PROBLEMS), *doubts),
        centre_only=False,
    )


LASER_SIGMA_M = 2.0
"""One-sigma error of a laser's target along the ray: its range to 0.2 m + 0.15 %, and DJI's rounding of the target."""


def _laser(row: dict[str, Any], view: PictureView) -> dict[str, Any] | None:
    """Say where the laser put the picture's centre, how far that is from the place found, and which is the better."""
    from geo.geodesy import metres_per_degree

    centre = view.centre_px
    if view.laser is None or math.hypot(row["u_px"] - centre[0], row["v_px"] - centre[1]) > LASER_NEAR_PX:
        return None
    north, east = (float(value) for value in metres_per_degree(view.laser.lat_deg))
    apart = math.hypot((view.laser.lat_deg - row["lat_deg"]) * north, (view.laser.lon_deg - row["lon_deg"]) * east)
    across = math.radians(math.hypot(view.sigmas.yaw_deg, view.sigmas.pitch_deg)) * view.laser.range_m
    sigma = math.hypot(view.sigmas.position_h_m, LASER_SIGMA_M, across / math.sqrt(2.0))
    return {
        "lat_deg": view.laser.lat_deg,
        "lon_deg": view.laser.lon_deg,
        "alt_amsl_m": view.laser.alt_amsl_m,
        "range_m": view.laser.range_m,
        "ce90_m": 2.146 * sigma,
        "apart_m": apart if math.isfinite(apart) else None,
    }


LASER_NEAR_PX = 25.0
"""The laser's spot is known to lie this near to the picture's centre; elsewhere it tells nothing of a pixel."""


CAMERA_PROBLEMS = frozenset({"no_camera", "camera_estimated", "calibration_of_other_camera"})
"""Problems of a picture that naming the camera settles."""


def _numbers(text: str, count: int, option: str, names: str) -> list[float]:
    """Parse `count` finite numbers between commas."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != count or not all(math.isfinite(value) for value in values):
        raise InputError(f"{option} needs {count} numbers {names}, got {text!r}")
    return values


def parse_pose(text: str) -> Pose:
    """Read LAT,LON,ALT_AMSL_M,YAW,PITCH,ROLL of a camera into a pose against the earth.

    Raises
    ------
    InputError
        When a number is missing or out of its range.
    """
    from geo.geoid import amsl_to_hae_m

    lat, lon, alt_amsl_m, yaw, pitch, roll = _numbers(text, 6, "--pose", "LAT,LON,ALT_AMSL_M,YAW,PITCH,ROLL")
    if not (-90.0 <= lat <= 90.0 and -360.0 <= lon <= 360.0):
        raise InputError(f"--pose starts with latitude, longitude in degrees; {lat}, {lon} is no place on Earth")
    if not -90.0 <= pitch <= 90.0:
        raise InputError(f"--pose pitch must lie between -90 (straight down) and 90 degrees, got {pitch}")
    return Pose(
        t_utc_ns=0,
        lat_deg=lat,
        lon_deg=lon,
        alt_hae_m=float(amsl_to_hae_m(lat, lon, alt_amsl_m)),
        yaw_deg=0.0,
        pitch_deg=0.0,
        roll_deg=0.0,
        gimbal_yaw_deg=yaw,
        gimbal_pitch_deg=pitch,
        gimbal_roll_deg=roll,
        gimbal_frame=GimbalFrame.EARTH,
    )


def _camera_doubt(text: str) -> tuple[float, tuple[Problem, ...]]:
    """Return the relative error of a camera's focal length, and what a person must know about its figures."""
    from telemetry.tracks.pose_track import Problem

    if "," in text or (known := find_camera(text)).checked:
        return FOCAL_REL, ()
    message = (
        f"the figures of {known.name} were not checked against a second source; CE90 counts {known.focal_rel:.0%} of "
        "its focal length, or give --camera HFOV_DEG,WIDTH,HEIGHT from a calibration"
    )
    return known.focal_rel, (Problem(kind="camera_unchecked", message=message),)


def parse_camera(text: str, size: tuple[int, int] | None = None) -> CameraModel:
    """Read a camera's name, or HFOV_DEG,WIDTH,HEIGHT; `size` is that of the picture at hand.

    Raises
    ------
    InputError
        When no such camera is known, or a number is out of its range.
    """
    if "," not in text:
        return find_camera(text).model(*(size or (None, None)))
    hfov_deg, width, height = _numbers(text, 3, "--camera", "HFOV_DEG,WIDTH,HEIGHT")
    if not (0.0 < hfov_deg < 180.0 and width >= 1.0 and height >= 1.0):
        raise InputError(f"--camera needs a field of view between 0 and 180 degrees and a size in pixels, got {text!r}")
    if size is not None and (int(width), int(height)) != size:
        raise InputError(f"--camera says {int(width)} x {int(height)} pixels, the picture has {size[0]} x {size[1]}")
    return CameraModel.from_fov(hfov_deg=hfov_deg, width_px=int(width), height_px=int(height))


def _without_bias(pose: Pose, yaw_deg: float, pitch_deg: float) -> Pose:
    return dataclasses.replace(
        pose, gimbal_yaw_deg=pose.gimbal_yaw_deg - yaw_deg, gimbal_pitch_deg=pose.gimbal_pitch_deg - pitch_deg
    )


def _ground(terrain: Path | None, datum: str | None, flat_alt_amsl_m: float | None) -> tuple[Terrain, str]:
    from geo.stated_ground_file import read_stated_ground

    if (terrain is None) == (flat_alt_amsl_m is None):
        raise InputError("give the ground: either --terrain FILE, or --flat-alt-amsl-m METRES to accept a flat plane")
    ground = read_stated_ground(terrain, flat_alt_amsl_m, datum=datum)
    return ground, GROUND_FLAT if terrain is None else GROUND_TERRAIN


def _pixels(texts: Sequence[str] | None, view: PictureView) -> list[tuple[float, float]]:
    pixels = [(u, v) for u, v in (_numbers(text, 2, "--pixel", "U,V") for text in texts or ())]
    view.require_placeable(pixels, "add --camera NAME or --camera HFOV_DEG,WIDTH,HEIGHT")
    return pixels or [view.centre_px]


def _place(
    view: PictureView, pixels: list[tuple[float, float]], ground: Terrain, max_range_m: float
) -> list[dict[str, Any]]:
    from geo.locate import locate as place

    points = place(
        poses=view.pose,
        camera=view.camera,
        uv_px=pixels,
        terrain=ground,
        sigmas=view.sigmas,
        max_range_m=max_range_m,
    )
    return [{"u_px": u, "v_px": v, **_row(points[index])} for index, (u, v) in enumerate(pixels)]


def _row(point: GroundPoint) -> dict[str, Any]:
    from geo.accuracy import error_ellipse
    from geo.geoid import hae_to_amsl_m
    from geo.grid_reference import mgrs_of

    placed = point.reason is None
    cov = point.cov_enu_m2
    major, minor, azimuth = (float(value) for value in error_ellipse(cov[0, 0], cov[1, 1], cov[0, 1]))
    return {
        "lat_deg": point.lat_deg,
        "lon_deg": point.lon_deg,
        "alt_hae_m": point.alt_hae_m,
        "alt_amsl_m": float(hae_to_amsl_m(point.lat_deg, point.lon_deg, point.alt_hae_m)),
        "slant_m": point.slant_m,
        "ce90_m": point.ce90_m,
        "le90_m": point.le90_m,
        "reason": None if point.reason is None else point.reason.value,
        "mgrs": mgrs_of(point.lat_deg, point.lon_deg) if placed else None,
        "ellipse90": {"semi_major_m": major, "semi_minor_m": minor, "azimuth_deg": azimuth},
    }


def _show(rows: list[dict[str, Any]], problems: tuple[Problem, ...], *, as_json: bool) -> None:
    for problem in problems:
        ERRORS.print(f"problem: {problem.message}")
    for row in rows:
        if as_json:
            print_json(row)
        elif row["reason"]:
            RESULTS.print(f"pixel {row['u_px']:g},{row['v_px']:g}: no ground position, {row['reason']}")
        else:
            RESULTS.print(_sentence(row))
        if row["laser"] is not None and not as_json:
            laser = row["laser"]
            RESULTS.print(
                f"  laser: {laser['lat_deg']:.7f}, {laser['lon_deg']:.7f} at {laser['range_m']:.1f} m, CE90 "
                f"{laser['ce90_m']:.1f} m, needs no terrain"
                + ("" if laser["apart_m"] is None else f"; {laser['apart_m']:.1f} m from the place above")
            )


def _tell_bounds(pose: Pose, ground: Terrain) -> None:
    """Say where the camera is and what the terrain covers, when something fell off it."""
    from geo.tiled_terrain import TiledTerrain

    if isinstance(ground, TiledTerrain):
        south, west, north, east = ground.bounds_deg
        ERRORS.print(
            f"the terrain covers {south:.4f} to {north:.4f} N and {west:.4f} to {east:.4f} E; "
            f"the camera is at {pose.lat_deg:.4f}, {pose.lon_deg:.4f}",
        )


def _sentence(row: dict[str, Any]) -> str:
    flat = " on an assumed flat plane" if row["ground"] == GROUND_FLAT else ""
    return (
        f"pixel {row['u_px']:g},{row['v_px']:g}: {row['lat_deg']:.7f}, {row['lon_deg']:.7f}  {row['mgrs']}  "
        f"{row['alt_amsl_m']:.1f} m AMSL ({row['alt_hae_m']:.1f} m HAE), slant {row['slant_m']:.1f} m, "
        f"CE90 {row['ce90_m']:.1f} m, LE90 {row['le90_m']:.1f} m{flat}"
    )
