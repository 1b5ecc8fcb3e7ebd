"""A plan on disk: one folder that a person, a map, a spreadsheet and a vehicle can each read."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
from pydantic import TypeAdapter, ValidationError

from geo.errors import InputError, RefusedError
from missions.documents.whole_file import read_text, write_whole
from missions.errors import PlanFileError
from missions.performance.aircraft import AircraftKind
from missions.pictures.plan_pictures_file import PICTURES, plan_pictures
from missions.plan import Plan, Severity, Sortie
from missions.plan_files.qgc_plan_file import write_qgc_plan
from missions.plan_files.schedule_file import proof_csv, schedule_csv
from missions.plan_files.waypoints_file import write_waypoints

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from missions.airspace.corridor import Corridor
    from missions.briefs.brief import Brief
    from missions.emphasis import StretchRate
    from missions.planned import Planned

FORMAT: Final = "vedette-plan"
PLAN_FILE: Final = "plan.json"
VERSION: Final = 2
MAV_TYPE: Final = {AircraftKind.FIXED_WING: 1, AircraftKind.MULTIROTOR: 2}


def write_plan_folder(planned: Planned, out: Path, *, force: bool = False) -> None:
    """Write the summary, the maps' layers, the schedule, the revisit proof and plan files for each sortie.

    All files are written beside the folder first, and moved into it when all are whole: a disk that fills up leaves
    an earlier plan as it was. `plan.json` comes last, so a folder without it is unfinished.

    Parameters
    ----------
    force
        Replace files that stand in the way although no plan of ours is there.

    Raises
    ------
    RefusedError
        When such files stand in the way.
    OSError
        Naming the file that could not be written.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.", ignore_cleanup_errors=True) as beside:
        part = Path(beside)
        _write_files(planned, part)
        names = sorted((path.name for path in part.iterdir()), key=lambda name: name == PLAN_FILE)
        if not force:
            _refuse_foreign(out, names)
        out.mkdir(exist_ok=True)
        _drop_old_plan(out)
        for name in names:
            os.replace(part / name, out / name)


def _refuse_foreign(out: Path, names: list[str]) -> None:
    """Refuse to replace files of somebody else: those of a folder that holds no plan of ours."""
    ours = out / PLAN_FILE
    if ours.is_file():
        try:
            document = json.loads(read_text(ours))
        except (InputError, json.JSONDecodeError):
            document = None
        if isinstance(document, dict) and document.get("format") == FORMAT:
            return
    foreign = next((name for name in names if (out / name).exists()), None)
    if foreign is not None:
        raise RefusedError(
            f"{out / foreign} is no file of an earlier plan of ours and would be replaced; name another folder, or "
            "give --force",
            file=str(out / foreign),
        )


def _write_files(planned: Planned, out: Path) -> None:
    plan = planned.plan
    write_whole(out / "legs.geojson", dump(legs_geojson(plan)))
    write_whole(out / "area.geojson", dump(area_geojson(planned)))
    write_whole(out / "coverage.geojson", dump(coverage_geojson(planned)))
    write_whole(out / "schedule.csv", schedule_csv(plan))
    if planned.proof is not None:
        write_whole(out / "revisit.csv", proof_csv(planned.proof, planned.situation.frame))
    for name, png in plan_pictures(plan, planned.situation):
        write_whole(out / name, png)
    for sortie in plan.sorties:
        vehicle = MAV_TYPE[planned.situation.brief.fleet(sortie.aircraft).aircraft.kind]
        write_qgc_plan(sortie, plan.dialect, out / f"{sortie.name}.plan", vehicle_type=vehicle)
        write_waypoints(sortie, plan.dialect, out / f"{sortie.name}.waypoints")
    write_whole(out / PLAN_FILE, dump(plan_document(planned), broken=4))


def _drop_old_plan(out: Path) -> None:
    """Remove the plan files of an earlier plan in this folder, so that no sortie of it is flown by mistake."""
    if (out / PLAN_FILE).is_file():
        (out / PLAN_FILE).unlink()
        for pattern in ("S[0-9]*.plan", "S[0-9]*.waypoints", "revisit.csv", *PICTURES):
            for old in out.glob(pattern):
                old.unlink()


def read_plan_folder(path: Path) -> Plan:
    """Read the plan of a folder back, equal to the one written.

    Raises
    ------
    PlanFileError
        When there is no `plan.json`, it is not one of ours, or its content does not match its hash.
    """
    file = path / "plan.json" if path.is_dir() else path
    if not file.is_file():
        raise PlanFileError(f"{path} holds no plan.json; make it with: vedette plan BRIEF --out {path}", file=str(file))
    try:
        document = json.loads(read_text(file))
    except json.JSONDecodeError as error:
        raise PlanFileError(
            f"{file} is not JSON (line {error.lineno}: {error.msg}); plan again", file=str(file)
        ) from None
    if not isinstance(document, dict) or document.get("format") != FORMAT or document.get("version") != VERSION:
        raise PlanFileError(f"{file} is not a version {VERSION} Vedette plan; plan the brief again", file=str(file))
    try:
        plan = TypeAdapter(Plan).validate_python(_known(document["plan"]))
    except KeyError as error:
        raise PlanFileError(f"{file} is damaged (it has no {error}); plan again", file=str(file)) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise PlanFileError(f"{file} is damaged ({where}: {first['msg']}); plan again", file=str(file)) from None
    if plan.sha256 != document.get("sha256"):
        raise PlanFileError(
            f"{file} was changed after it was made: its content does not match its hash; plan again", file=str(file)
        )
    return plan


def plan_document(planned: Planned) -> dict[str, Any]:
    """Return what `plan.json` holds: a summary for people and programs, and the plan itself."""
    plan = planned.plan
    return {
        "format": FORMAT,
        "version": VERSION,
        "sha256": plan.sha256,
        "summary": summary(planned),
        "vehicle_parameters": {
            s.aircraft: {v.name: v.value for v in s.vehicle_parameters} for s in reversed(plan.sorties)
        },
        "findings": [dataclasses.asdict(f) for f in plan.findings],
        "plan": dataclasses.asdict(plan),
    }


def summary(planned: Planned) -> dict[str, Any]:
    """Return the numbers a unit asks for, for `--json` and the table on the screen."""
    plan, brief, margin = planned.plan, planned.situation.brief, planned.situation.corridor.margin
    return {
        "name": plan.name,
        "feasible": plan.feasible,
        "dialect": plan.dialect,
        "sorties": len(plan.sorties),
        "legs": sum(len(s.legs) for s in plan.sorties),
        "length_m": round(sum(sortie_length_m(s) for s in plan.sorties), 1),
        "standoff": {
            "asked_m": plan.required_standoff_m,
            "kept_m": plan.min_standoff_m,
            "margin_m": round(margin.total_m, 2),
            "margin": {k: round(v, 2) for k, v in dataclasses.asdict(margin).items()},
        },
        "required_standoff_m": plan.required_standoff_m,
        "min_standoff_m": plan.min_standoff_m,
        "revisit_s": plan.worst_revisit_s,
        "revisit_asked_s": brief.revisit.max_min * 60.0 if brief.revisit else math.nan,
        "flights": len(plan.flights),
        "fleet_options": [dataclasses.asdict(o) for o in plan.fleet_options],
        "corridor_m2": plan.corridor_m2,
        "covered_pct": plan.covered_pct,
        "dwell_s": plan.sight.dwell_s if plan.sight else math.nan,
        "sight": dataclasses.asdict(plan.sight) if plan.sight else None,
        "extra": _extra(plan),
        "energy": [_sortie_energy(s, brief) for s in plan.sorties],
        "errors": sum(f.severity is Severity.ERROR for f in plan.findings),
        "warnings": sum(f.severity is Severity.WARNING for f in plan.findings),
    }


def _extra(plan: Plan) -> dict[str, Any] | None:
    """Return what was learned of each stretch, and what was flown beyond the guarantee because of it."""
    extra = plan.extra
    if extra is None:
        return None
    emphasis = extra.emphasis
    return {
        "flights": len(extra.flights),
        "spare_aircraft": extra.spare_aircraft,
        "random_share": extra.random_share,
        "random_share_asked": emphasis.random_share,
        "seed": emphasis.seed,
        "learned_from": list(emphasis.sources),
        "stretches": [dataclasses.asdict(rate.stretch) | _rate(rate) for rate in emphasis.rates],
        "flights_by_sortie": {s.name: sum(f.sortie == s.name for f in extra.flights) for s in plan.sorties},
    }


def _rate(rate: StretchRate) -> dict[str, float]:
    names = ("per_look", "low", "high", "looks", "found")
    return {name: round(getattr(rate, name), 5) for name in names}


def _sortie_energy(sortie: Sortie, brief: Brief) -> dict[str, Any]:
    last = sortie.legs[-1]
    battery_wh = brief.fleet(sortie.aircraft).aircraft.battery_wh
    return {
        "sortie": sortie.name,
        "site": sortie.site,
        "aircraft": sortie.aircraft,
        "duration_s": round(last.t_end_s - sortie.t_start_s, 1),
        "length_m": round(sortie_length_m(sortie), 1),
        "energy_wh": round(battery_wh * (100.0 - last.battery_end_pct) / 100.0, 2),
        "battery_end_pct": last.battery_end_pct,
    }


def sortie_length_m(sortie: Sortie) -> float:
    """Return the length of a sortie's path over the ground, metres."""
    return float(sum(leg.speed_mps * (leg.t_end_s - leg.t_start_s) for leg in sortie.legs))


def legs_geojson(plan: Plan) -> dict[str, Any]:
    """Return every leg of every sortie as a LineString."""
    return _collection(
        _feature(
            {"type": "LineString", "coordinates": [
                [leg.lon_start_deg, leg.lat_start_deg, leg.alt_amsl_start_m],
                [leg.lon_end_deg, leg.lat_end_deg, leg.alt_amsl_end_m],
            ]},
            sortie=sortie.name, seq=leg.seq, kind=leg.kind.value,
            alt_amsl_start_m=leg.alt_amsl_start_m, alt_amsl_end_m=leg.alt_amsl_end_m,
            t_start_s=leg.t_start_s, t_end_s=leg.t_end_s, battery_end_pct=leg.battery_end_pct,
            gimbal_yaw_deg=leg.gimbal_yaw_deg, gimbal_pitch_deg=leg.gimbal_pitch_deg,
        )
        for sortie in plan.sorties
        for leg in (*sortie.legs, *sortie.failsafe)
    )  # fmt: skip


def area_geojson(planned: Planned) -> dict[str, Any]:
    """Return what the plan was made about: border, standoff line, watched ground, areas, sites, rally points."""
    brief, corridor = planned.situation.brief, planned.situation.corridor
    near = shapely.buffer(corridor.border, brief.standoff.asked_m * corridor.stretch).intersection(corridor.own)
    features = [
        _feature(_to_geojson(corridor.border, corridor), kind="border"),
        _feature(_to_geojson(near, corridor), kind="standoff", standoff_m=brief.standoff.asked_m),
    ]
    if not planned.coverage.watched.is_empty:
        watched = _to_geojson(planned.coverage.watched, corridor)
        features.append(_feature(watched, kind="corridor", depth_m=brief.corridor.depth_m))
    features += [
        _feature(_to_geojson(shape, corridor), kind="zone", name=zone.name, clearance_m=zone.clearance_m)
        for zone, shape in zip(brief.zone, corridor.zones, strict=True)
    ]
    if corridor.keep_in is not None and brief.keep_in is not None:
        held, room = corridor.keep_in.intersection(corridor.own.envelope), brief.keep_in.clearance_m
        features.append(_feature(_to_geojson(held, corridor), kind="keep_in", clearance_m=room))
    features += [
        _feature(_to_geojson(shape, corridor), kind="avoid", name=avoid.name, clearance_m=avoid.clearance_m)
        for avoid, shape in zip(brief.avoid, corridor.avoided, strict=True)
    ]
    for kind, points in (("launch", brief.launch), ("rally", brief.rally)):
        features += [
            _feature({"type": "Point", "coordinates": [p.lon_deg, p.lat_deg]}, kind=kind, name=p.name) for p in points
        ]
    return _collection(features)


def coverage_geojson(planned: Planned) -> dict[str, Any]:
    """Return the ground each sortie sees, and every piece of the corridor nobody sees with its area and the reason."""
    covered, corridor = planned.coverage, planned.situation.corridor
    side = round(covered.resolution_m, 2)
    features = [
        _feature(_to_geojson(seen, corridor), kind="seen", sortie=sortie.name)
        for sortie, seen in zip(planned.plan.sorties, covered.seen, strict=True)
    ]
    features += [
        _feature(
            _to_geojson(gap.polygon, corridor), kind="gap", reason=gap.reason.value, area_m2=round(gap.area_m2, 1),
            resolution_m=side,
        )
        for gap in covered.gaps
    ]  # fmt: skip
    return _collection(features)


def dump(document: dict[str, Any], *, broken: int = 2) -> str:
    """Return JSON text with stable order, its outer levels a line for each member; NaN and infinity become null."""
    return _text(_finite(document), broken) + "\n"


def _text(value: Any, broken: int) -> str:
    if broken > 0 and isinstance(value, dict) and value:
        inner = (f"{json.dumps(k, ensure_ascii=False)}: {_text(v, broken - 1)}" for k, v in value.items())
        return "{\n" + ",\n".join(inner) + "\n}"
    if broken > 0 and isinstance(value, list) and value:
        return "[\n" + ",\n".join(_text(v, broken - 1) for v in value) + "\n]"
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    return [_finite(v) for v in value] if isinstance(value, list | tuple) else value


def _collection(features: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


def _feature(geometry: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _to_geojson(geometry: BaseGeometry, corridor: Corridor) -> dict[str, Any]:
    def degrees(xy: np.ndarray) -> np.ndarray:
        lat, lon = corridor.frame.to_degrees(xy)
        return np.stack([lon, lat], axis=1)

    return dict(json.loads(shapely.to_geojson(shapely.transform(geometry, degrees))))


_MAY_LACK: Final = frozenset({"sight", "extra", "advice"})


def _known(value: Any) -> Any:
    """Return what JSON held with its numbers back: null is NaN, but for what a plan may lack as a whole."""
    if isinstance(value, dict):
        return {key: None if inner is None and key in _MAY_LACK else _known(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_known(inner) for inner in value]
    return math.nan if value is None else value
