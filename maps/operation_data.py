"""What an analyst's page holds of operations: tracks with their points, hits, events and recordings, as columns.

This is the contract between Python and the page's scripts, for the offline page and the review console alike.
`operation_data` returns JSON values:

``classes``, ``decisions``, ``reasons``, ``recordings``
    Tables of names that columns of codes point into. ``reasons[0]`` and ``decisions[0]`` stand for none.
``things``
    One row a track: ``class decision reason recording hits points calibrated frame media_t first last t shown_t
    closest_t lat lon existence score speed heading ce90 border bearing closest``; ``points`` is how many of the points
    are its own, ``shown_t`` the moment of its best hit.
``points``
    The tracks' points, one track after another: ``lat lon t ce90``.
``hits``
    One row a hit, in order of time, also those without a place (``reason`` is not 0): ``lat lon t class score
    calibrated reason thing recording decision ce90``: what a map of all of them needs.
``details``
    As many rows, of what the card says beside: ``stream frame media_t slant major minor azimuth border``; ``border`` is
    there where there is one. Missing where they were not asked for.
``events``
    A list: ``id kind t to things probability lat lon ce90 details``.
``ids``, ``best``, ``mgrs``
    Ids of tracks, of the hit that shows each best, and the MGRS reference of each one's place (null without one).
``hit_ids``
    Ids of single hits by row, as `maps.packed_columns.packed_ids` returns them; missing with the details.

Times are milliseconds from ``epoch_ms`` (UTC), media times milliseconds from the recording's first frame, places WGS 84
degrees, lengths metres, angles degrees from north; NaN is not known. Ellipses hold the true place in 95 %.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detection.ground_hits import UNKNOWN_NS
from geo.grid_reference import mgrs_of
from geo.values import REASONS
from maps.gathering import DECISIONS, recordings_of
from maps.layers import CLASS_COLOURS, class_marks
from maps.local_time import offsets_of
from maps.packed_columns import Column, packed, packed_ids

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from maps.gathering import Gathered
    from operations.finding.archive import Archive
    from operations.finding.border import BorderLine
    from operations.finding.things import Things

EXISTENCE_SHOWN: Final = 0.5
"""Tracks that more likely than not were nothing are hidden at first, counted, and one click away."""
_MS: Final = 1_000_000
_DEGREES: Final = 1e-6
"""A place is kept to 0.11 m, a tenth of the least CE90 there is."""
_CHI2_95: Final = 5.991
"""Quantile 0.95 of chi square with two degrees of freedom: the square of a 95 % ellipse's axes in sigmas."""


def operation_data(
    archive: Archive, gathered: Gathered, *, border: BorderLine | None = None, zone: dt.tzinfo | None = None
) -> dict[str, Any]:
    """Return tracks, hits and events as the page's scripts read them; see the module for what each column is.

    Parameters
    ----------
    archive
        The operations, for names of recordings and models.
    gathered
        What is shown.
    border
        What hits are measured to; tracks were when they were asked for.
    zone
        Where local time counts in; None takes the machine's own.
    """
    hits, things, number = gathered.hits, gathered.things, gathered.things.number
    dated = np.concatenate([hits.t_utc_ns, number["first_utc_ns"], number["last_utc_ns"]])
    dated = dated[dated >= 0]
    epoch_ms = int(dated.min()) // _MS if len(dated) else 0
    end_ms = int(dated.max()) // _MS if len(dated) else 0
    classes = tuple(dict.fromkeys((*things.text["class_name"].counts(), *hits.class_name.counts())))
    single = np.flatnonzero(gathered.thing < 0)
    return {
        "epoch_ms": epoch_ms,
        "end_ms": end_ms,
        "offsets": offsets_of(epoch_ms, end_ms, zone),
        "classes": [
            {"name": name, "colour": CLASS_COLOURS[mark % len(CLASS_COLOURS)], "mark": mark}
            for name, mark in zip(classes, class_marks(classes), strict=True)
        ],
        "decisions": list(DECISIONS),
        "reasons": [str(reason or "") for reason in REASONS],
        "recordings": [_recording(archive, key) for key in gathered.recordings],
        "existence_shown": EXISTENCE_SHOWN,
        "has_border": border is not None,
        "things": packed(_thing_columns(gathered, classes, epoch_ms), len(things)),
        "points": packed(_point_columns(things, epoch_ms), len(things.point_t_utc_ns)),
        "hits": packed(_hit_columns(gathered, classes, epoch_ms), len(hits)),
        "details": packed(_detail_columns(gathered, border), len(hits)),
        "events": [_event(event, epoch_ms) for event in gathered.events],
        "mgrs": [_mgrs(*at) for at in zip(number["lat_deg"].tolist(), number["lon_deg"].tolist(), strict=True)],
        "ids": things.ids["thing_id"].texts().tolist(),
        "best": things.ids["best_hit_id"].texts().tolist(),
        "hit_ids": packed_ids(hits.hit_id[single]),
    }


def hits_data(gathered: Gathered, data: Mapping[str, Any], border: BorderLine | None) -> dict[str, Any]:
    """Return hits that are delivered later, with the tables of `operation_data`'s answer and from its moment."""
    classes = tuple(one["name"] for one in data["classes"])
    columns = _hit_columns(gathered, classes, data["epoch_ms"]) | _detail_columns(gathered, border)
    return packed(columns, len(gathered.hits))


def _mgrs(lat_deg: float, lon_deg: float) -> str | None:
    return mgrs_of(lat_deg, lon_deg) if np.isfinite(lat_deg) else None


def _recording(archive: Archive, key: tuple[int, str, str]) -> dict[str, str | int]:
    source, run_id, media_id = key
    run, store = archive.runs(source)[run_id], archive.stores[source]
    return {
        "source": source,
        "name": archive.media_name(source, media_id),
        "media": media_id,
        "operation": store.name,
        "operation_id": store.id,
        "run": run_id,
        "model": str(run.settings.get("model", "")),
    }


def _ms(t_ns: NDArray[np.int64], epoch_ms: int = 0) -> NDArray[np.float64]:
    """Return times in milliseconds from the epoch; NaN where they are not known."""
    return np.where(t_ns < 0, np.nan, t_ns // _MS - epoch_ms)


def _coded(names: tuple[str, ...], codes: NDArray[np.int32], classes: tuple[str, ...]) -> NDArray[np.int64]:
    table = np.array([*(classes.index(name) if name in classes else 0 for name in names), 0], np.int64)
    return np.asarray(table[codes])


def _thing_columns(gathered: Gathered, classes: tuple[str, ...], epoch_ms: int) -> dict[str, Column]:
    things, number = gathered.things, gathered.things.number
    marks, named, reasons = (things.text[name] for name in ("decision", "class_name", "reason"))
    said = [str(reason or "") for reason in REASONS]
    place = {key: at for at, key in enumerate(gathered.recordings)}
    recording = np.array([place[key] for key in recordings_of(things)], np.int64)
    media_t = number["media_t_ns"]
    return {
        "class": Column(values=_coded(named.names, named.codes, classes)),
        "decision": Column(values=_coded(marks.names, marks.codes, DECISIONS)),
        "reason": Column(values=_coded(reasons.names, reasons.codes, tuple(said))),
        "recording": Column(values=recording),
        "hits": Column(values=number["hits"]),
        "points": Column(values=np.diff(things.offsets)),
        "calibrated": Column(values=number["calibrated"].astype(np.int64)),
        "frame": Column(values=np.maximum(number["frame_index"], 0)),
        "media_t": Column(values=np.where(media_t == UNKNOWN_NS, np.nan, media_t / _MS)),
        **{
            name: Column(values=_ms(number[key], epoch_ms))
            for name, key in (
                ("first", "first_utc_ns"), ("last", "last_utc_ns"), ("t", "t_utc_ns"), ("shown_t", "shown_utc_ns"),
                ("closest_t", "closest_utc_ns"),
            )
        },
        **{name: Column(values=number[f"{name}_deg"], step=_DEGREES) for name in ("lat", "lon")},
        **{
            name: Column(values=number[key].astype(np.float64), step=step)
            for name, key, step in (
                ("existence", "existence", 1e-3), ("score", "score", 1e-3), ("speed", "speed_mps", 0.01),
                ("heading", "heading_deg", 0.1), ("ce90", "ce90_m", 0.1), ("border", "border_m", 0.1),
                ("bearing", "border_bearing_deg", 0.1), ("closest", "closest_m", 0.1),
            )
        },
    }  # fmt: skip


def _point_columns(things: Things, epoch_ms: int) -> dict[str, Column]:
    return {
        "lat": Column(values=things.point_lat_deg, step=_DEGREES),
        "lon": Column(values=things.point_lon_deg, step=_DEGREES),
        "t": Column(values=_ms(things.point_t_utc_ns, epoch_ms)),
        "ce90": Column(values=things.point_ce90_m.astype(np.float64), step=0.1),
    }


def _hit_columns(gathered: Gathered, classes: tuple[str, ...], epoch_ms: int) -> dict[str, Column]:
    hits = gathered.hits
    return {
        "lat": Column(values=hits.lat_deg, step=_DEGREES),
        "lon": Column(values=hits.lon_deg, step=_DEGREES),
        "t": Column(values=_ms(hits.t_utc_ns, epoch_ms)),
        "class": Column(values=_coded(hits.class_name.names, hits.class_name.codes, classes)),
        "score": Column(values=np.clip(hits.best_score, 0.0, 1.0).astype(np.float64), step=1 / 255),
        "calibrated": Column(values=(~np.isnan(hits.score)).astype(np.int64)),
        "reason": Column(values=hits.reason_code.astype(np.int64)),
        "thing": Column(values=gathered.thing),
        "recording": Column(values=gathered.recording),
        "decision": Column(values=gathered.decision),
        "ce90": Column(values=hits.ce90_m.astype(np.float64), step=0.1),
    }


def _detail_columns(gathered: Gathered, border: BorderLine | None) -> dict[str, Column]:
    hits = gathered.hits
    major_m, minor_m, azimuth_deg = ellipse_95(hits.var_e_m2, hits.var_n_m2, hits.cov_en_m2)
    media_t = hits.media_t_ns
    columns = {
        "stream": Column(values=hits.stream.astype(np.int64)),
        "frame": Column(values=np.maximum(hits.frame_index, 0)),
        "media_t": Column(values=np.where(media_t == UNKNOWN_NS, np.nan, media_t / _MS)),
        "slant": Column(values=hits.slant_m.astype(np.float64)),
        "major": Column(values=major_m, step=0.1),
        "minor": Column(values=minor_m, step=0.1),
        "azimuth": Column(values=azimuth_deg),
    }
    if border is not None:
        away = np.full(len(hits), np.nan)
        away[hits.placed] = border.exact(hits.lat_deg[hits.placed], hits.lon_deg[hits.placed]).distance_m
        columns["border"] = Column(values=away, step=1.0)
    return columns


def ellipse_95(
    var_e_m2: NDArray[np.floating], var_n_m2: NDArray[np.floating], cov_en_m2: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return half axes in metres and the azimuth of the longer one (0 to 180) of ellipses that hold 95 %.

    Eigenvalues of a symmetric 2 × 2 matrix in closed form; NaN where the covariance is not known.
    """
    e, n, c = (np.asarray(values, np.float64) for values in (var_e_m2, var_n_m2, cov_en_m2))
    middle, reach = (e + n) / 2.0, np.hypot((e - n) / 2.0, c)
    major, minor = np.sqrt(_CHI2_95 * (middle + reach)), np.sqrt(_CHI2_95 * np.maximum(middle - reach, 0.0))
    return major, minor, np.degrees(np.arctan2(2.0 * c, n - e) / 2.0) % 180.0


def _event(event: Mapping[str, Any], epoch_ms: int) -> dict[str, Any]:
    to = event["t_to_utc_ns"]
    return {
        "id": event["event_id"],
        "kind": event["kind"],
        "t": event["t_utc_ns"] // _MS - epoch_ms,
        "to": None if to is None else to // _MS - epoch_ms,
        "things": event["things"],
        "probability": event["probability"],
        "lat": event["lat_deg"],
        "lon": event["lon_deg"],
        "ce90": event["ce90_m"],
        "details": event["details"],
    }
