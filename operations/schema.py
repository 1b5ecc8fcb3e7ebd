"""The tables of an operation's derived parts, format 2: names, types, meaning.

This is what other tools read (`docs/reference/operation-folder.md` is made to match it). A field that a
later stage fills is nullable until then; columns are only ever added, and a reader passes over columns that
it does not know.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

FORMAT: Final = 2
"""Written into every case file; a reader refuses what is newer."""

_NAME: Final = pa.dictionary(pa.int32(), pa.string())
"""A repeated string."""


def _field(name: str, kind: pa.DataType, meaning: str, *, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={"meaning": meaning})


HITS: Final = pa.schema(
    [
        _field("hit_id", pa.string(), "id of the hit: the same picture, box and class give the same id"),
        _field("run_id", _NAME, "run that made it"),
        _field("media_id", _NAME, "recording it was seen in"),
        _field("stream", pa.int16(), "video stream of the recording"),
        _field("frame_index", pa.int64(), "number of the frame in its stream, from 0"),
        _field("media_t_ns", pa.int64(), "time in the recording, ns from its first frame", nullable=True),
        _field("t_utc_ns", pa.int64(), "UTC, ns since 1970"),
        _field("class_name", _NAME, "what the detector took it for: a machine's assessment"),
        _field("score_raw", pa.float32(), "the detector's own number, 0..1; comparable within one model only"),
        _field("score", pa.float32(), "calibrated probability that the class is right", nullable=True),
        _field("box_x0_px", pa.float32(), "left edge, pixels from the picture's left"),
        _field("box_y0_px", pa.float32(), "upper edge, pixels from the picture's top"),
        _field("box_x1_px", pa.float32(), "right edge"),
        _field("box_y1_px", pa.float32(), "lower edge"),
        _field("lat_deg", pa.float64(), "WGS 84 latitude; null without a place", nullable=True),
        _field("lon_deg", pa.float64(), "WGS 84 longitude; null without a place", nullable=True),
        _field("alt_hae_m", pa.float32(), "height above the ellipsoid", nullable=True),
        _field("var_e_m2", pa.float32(), "variance of the east error", nullable=True),
        _field("var_n_m2", pa.float32(), "variance of the north error", nullable=True),
        _field("cov_en_m2", pa.float32(), "covariance of the east and north errors", nullable=True),
        _field("ce90_m", pa.float32(), "radius of the circle that holds the true place in 90 %", nullable=True),
        _field("slant_m", pa.float32(), "distance from the camera", nullable=True),
        _field(
            "contrast", pa.float32(), "infrared brightness over that around, in its picture's spreads", nullable=True
        ),
        _field("reason", _NAME, "why there is no place; null where there is one", nullable=True),
        _field("track_id", _NAME, "track it belongs to", nullable=True),
    ]
)

TRACKS: Final = pa.schema(
    [
        _field("track_id", pa.string(), "id of the track: from its first hit's"),
        _field("run_id", _NAME, "run that made it"),
        _field("class_name", _NAME, "most probable class: a machine's assessment"),
        _field("posterior_classes", pa.list_(pa.string()), "classes of `posterior`", nullable=True),
        _field("posterior", pa.list_(pa.float32()), "probability of each class", nullable=True),
        _field("existence", pa.float32(), "probability that there was such a thing", nullable=True),
        _field("speed_mps", pa.float32(), "speed over ground in the last seconds"),
        _field("heading_deg", pa.float32(), "course over ground, degrees from north, in the last seconds"),
        _field("height_ln", pa.float32(), "logarithm of its height over its class's", nullable=True),
        _field("height_ln_var", pa.float32(), "variance of that measurement", nullable=True),
        _field("width_ln", pa.float32(), "logarithm of its width over its class's", nullable=True),
        _field("width_ln_var", pa.float32(), "variance of that measurement", nullable=True),
        _field("contrast", pa.float32(), "robust mean of its hits' contrasts", nullable=True),
        _field("contrast_var", pa.float32(), "variance of that mean", nullable=True),
        _field("t_utc_ns", pa.list_(pa.int64()), "UTC of each point"),
        _field("lat_deg", pa.list_(pa.float64()), "filtered latitude of each point"),
        _field("lon_deg", pa.list_(pa.float64()), "filtered longitude of each point"),
        _field("ce90_m", pa.list_(pa.float32()), "CE90 of each point"),
        _field("hit_ids", pa.list_(pa.string()), "hit of each point"),
        _field("ended", _NAME, "how following ended: with the recording, out of view, or lost in view", nullable=True),
        _field("parents", pa.list_(pa.string()), "tracks it was split off or joined from", nullable=True),
    ]
)

EVENTS: Final = pa.schema(
    [
        _field("event_id", pa.string(), "id of the event"),
        _field("run_id", _NAME, "run that made it"),
        _field("kind", _NAME, "what happened, such as a crossing of the line"),
        _field("t_utc_ns", pa.int64(), "UTC of its beginning"),
        _field("t_to_utc_ns", pa.int64(), "UTC of its end", nullable=True),
        _field("track_ids", pa.list_(pa.string()), "tracks that took part"),
        _field("probability", pa.float32(), "probability that it happened", nullable=True),
        _field("lat_deg", pa.float64(), "where", nullable=True),
        _field("lon_deg", pa.float64(), "where", nullable=True),
        _field("ce90_m", pa.float32(), "how sure the place is", nullable=True),
        _field("details", pa.string(), "JSON, by kind"),
    ]
)

FRAMES: Final = pa.schema(
    [
        _field("run_id", _NAME, "run that analysed it"),
        _field("media_id", _NAME, "recording"),
        _field("stream", pa.int16(), "video stream of the recording"),
        _field("frame_index", pa.int64(), "number of the frame in its stream"),
        _field("media_t_ns", pa.int64(), "time in the recording", nullable=True),
        _field("t_utc_ns", pa.int64(), "UTC; -1 where it is not known"),
        _field("lat_deg", pa.float64(), "camera's latitude", nullable=True),
        _field("lon_deg", pa.float64(), "camera's longitude", nullable=True),
        _field("alt_hae_m", pa.float64(), "camera's height above the ellipsoid", nullable=True),
        _field("pose_reason", _NAME, "why there is no pose; null where there is one", nullable=True),
        _field("footprint", pa.list_(pa.float64()), "ring of ground seen: lon, lat, lon, lat, ...", nullable=True),
        _field("seen_from_ns", pa.int64(), "UTC from when on the footprint stands for what was seen", nullable=True),
        _field("seen_to_ns", pa.int64(), "UTC until when it does", nullable=True),
    ]
)

CHIPS: Final = pa.schema(
    [
        _field("hit_id", pa.string(), "hit it was cut around"),
        _field("jpeg", pa.binary(), "the picture"),
    ]
)

TABLES: Final = {"hits": HITS, "tracks": TRACKS, "events": EVENTS, "frames": FRAMES, "chips": CHIPS}
"""Every table a run may write, by name."""
