"""Moving targets in a stream: MISB ST 0903 VMTI (tag 74 of ST 0601, or a set of its own), read and written."""

from __future__ import annotations

import dataclasses
import math
from typing import Final

import numpy as np

from telemetry.errors import KlvValueError
from telemetry.klv.ber import decode_length, decode_oid, encode_length, encode_oid, join_items
from telemetry.klv.encode import checksum
from telemetry.klv.imapb import imapb_decode, imapb_encode
from telemetry.klv.local_set import SetValue, decode_local_set, encode_local_set
from telemetry.klv.tags import Coding, Tag

VMTI_KEY: Final = bytes.fromhex("060e2b34020b01010e01030306000000")
VMTI_VERSION: Final = 6
"""ST 0903.6, whose target location pack is written."""

MAX_TARGETS: Final = 10_000

VMTI_TAGS: Final[dict[int, Tag]] = {
    tag.number: tag
    for tag in (
        Tag(1, "Checksum", Coding.COUNT, length=2),
        Tag(2, "Precision Time Stamp", Coding.COUNT, "us", 8),
        Tag(3, "VMTI System Name", Coding.TEXT),
        Tag(4, "VMTI LS Version Number", Coding.COUNT),
        Tag(5, "Total Number of Targets Detected", Coding.COUNT),
        Tag(6, "Number of Reported Targets", Coding.COUNT),
        Tag(7, "Frame Number", Coding.COUNT),
        Tag(8, "Frame Width", Coding.COUNT, "px"),
        Tag(9, "Frame Height", Coding.COUNT, "px"),
        Tag(10, "VMTI Source Sensor", Coding.TEXT),
        Tag(11, "VMTI Horizontal Field of View", Coding.IMAPB, "deg", 2, 0, 180),
        Tag(12, "VMTI Vertical Field of View", Coding.IMAPB, "deg", 2, 0, 180),
        Tag(13, "MIIS ID", Coding.RAW),
        Tag(101, "Target Series", Coding.RAW),
        Tag(102, "Algorithm Series", Coding.RAW),
        Tag(103, "Ontology Series", Coding.RAW),
    )
}

TARGET_TAGS: Final[dict[int, Tag]] = {
    tag.number: tag
    for tag in (
        Tag(1, "Target Centroid", Coding.COUNT, "px"),
        Tag(2, "Bounding Box Top Left", Coding.COUNT, "px"),
        Tag(3, "Bounding Box Bottom Right", Coding.COUNT, "px"),
        Tag(4, "Target Priority", Coding.COUNT, length=1),
        Tag(5, "Target Confidence Level", Coding.COUNT, "%", 1),
        Tag(6, "Target History", Coding.COUNT, length=2),
        Tag(7, "Percentage of Target Pixels", Coding.COUNT, "%", 1),
        Tag(8, "Target Color", Coding.RAW),
        Tag(9, "Target Intensity", Coding.COUNT),
        Tag(10, "Target Location Offset Latitude", Coding.IMAPB, "deg", 3, -19.2, 19.2),
        Tag(11, "Target Location Offset Longitude", Coding.IMAPB, "deg", 3, -19.2, 19.2),
        Tag(12, "Target HAE", Coding.IMAPB, "m HAE", 2, -900, 19000),
        Tag(13, "Bounding Box Top Left Latitude Offset", Coding.IMAPB, "deg", 3, -19.2, 19.2),
        Tag(14, "Bounding Box Top Left Longitude Offset", Coding.IMAPB, "deg", 3, -19.2, 19.2),
        Tag(15, "Bounding Box Bottom Right Latitude Offset", Coding.IMAPB, "deg", 3, -19.2, 19.2),
        Tag(16, "Bounding Box Bottom Right Longitude Offset", Coding.IMAPB, "deg", 3, -19.2, 19.2),
        Tag(17, "Target Location", Coding.RAW),
        Tag(18, "Target Boundary Series", Coding.RAW),
        Tag(19, "Target Centroid Pixel Row", Coding.COUNT, "px"),
        Tag(20, "Target Centroid Pixel Column", Coding.COUNT, "px"),
        Tag(21, "FPA Index", Coding.RAW),
        Tag(22, "Algorithm ID", Coding.COUNT),
    )
}

_LOCATION_PARTS: Final = (
    (4, -90.0, 90.0), (4, -180.0, 180.0), (2, -900.0, 19000.0),
    (2, 0.0, 650.0), (2, 0.0, 650.0), (2, 0.0, 650.0),
    (2, -1.0, 1.0), (2, -1.0, 1.0), (2, -1.0, 1.0),
)  # fmt: skip
"""Length and range of each part of a target location: position, then sigmas, then correlations."""

_LOCATION_CUTS: Final = (3, 6, 9)
"""A location may end after the position, the sigmas, or the correlations."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TargetLocation:
    """Where a target is: degrees and metres above the ellipsoid, with sigmas in metres (NaN where not said)."""

    lat_deg: float
    lon_deg: float
    alt_hae_m: float
    sigma_east_m: float = math.nan
    sigma_north_m: float = math.nan
    sigma_up_m: float = math.nan
    rho_east_north: float = math.nan
    rho_east_up: float = math.nan
    rho_north_up: float = math.nan


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One target: pixel numbers count from 1 along the rows; `items` holds what has no field of its own."""

    number: int
    centroid: int | None = None
    top_left: int | None = None
    bottom_right: int | None = None
    confidence_pct: int | None = None
    location: TargetLocation | None = None
    items: dict[int, SetValue] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Vmti:
    """The targets of one frame; `items` holds every other item of the set by its number."""

    targets: tuple[Target, ...]
    items: dict[int, SetValue]


def pixel_number(column: int, row: int, width_px: int) -> int:
    """Return the number of a pixel, columns and rows from 0: ``row * width + column + 1`` (ST 0903)."""
    return row * width_px + column + 1


def decode_location(data: bytes) -> TargetLocation | None:
    """Decode a target location; None when it ends inside one of its parts."""
    values: list[float] = []
    position = 0
    for length, lo, hi in _LOCATION_PARTS:
        part = data[position : position + length]
        if not part:
            break
        if len(part) < length:
            return None
        raw = np.array([int.from_bytes(part, "big")], dtype=np.uint64)
        values.append(float(imapb_decode(raw, lo, hi, length)[0]))
        position += length
    if len(values) not in _LOCATION_CUTS or position != len(data):
        return None
    return TargetLocation(**dict(zip(_LOCATION_NAMES, values, strict=False)))


_LOCATION_NAMES: Final = tuple(field.name for field in dataclasses.fields(TargetLocation))


def encode_location(location: TargetLocation) -> bytes:
    """Write a target location, as long as its values are known.

    Raises
    ------
    KlvValueError
        A coordinate is outside the range of the standard.
    """
    values = [getattr(location, name) for name in _LOCATION_NAMES]
    known = max((cut for cut in _LOCATION_CUTS if not any(map(math.isnan, values[:cut]))), default=0)
    if not known:
        raise KlvValueError("a target location needs latitude, longitude and height")
    data = b""
    for name, value, (length, lo, hi) in zip(_LOCATION_NAMES[:known], values, _LOCATION_PARTS, strict=False):
        limited = min(value, hi) if name.startswith("sigma") else value
        if not lo <= limited <= hi:
            raise KlvValueError(f"a target's {name} holds {lo:g} to {hi:g}, not {value:g}", value=value)
        data += int(imapb_encode(limited, lo, hi, length).item()).to_bytes(length, "big")
    return data


def decode_vmti(data: bytes) -> Vmti:
    """Decode the value of a VMTI local set; damaged targets are left out."""
    items = decode_local_set(data, VMTI_TAGS)
    series = items.pop(101, b"")
    targets = _split_targets(series) if isinstance(series, bytes) else []
    return Vmti(targets=tuple(targets), items=items)


def _split_targets(data: bytes) -> list[Target]:
    targets: list[Target] = []
    position = 0
    while position < len(data) and len(targets) < MAX_TARGETS:
        length = decode_length(data, position)
        if length is None or length[1] + length[0] > len(data):
            break
        pack = data[length[1] : length[1] + length[0]]
        position = length[1] + length[0]
        number = decode_oid(pack, 0)
        if number is not None:
            targets.append(_target(number[0], decode_local_set(pack[number[1] :], TARGET_TAGS)))
    return targets


def _target(number: int, items: dict[int, SetValue]) -> Target:
    taken = {name: items.pop(tag) for tag, name in _FIELDS.items() if isinstance(items.get(tag), int)}
    packed = items.get(17)
    location = decode_location(packed) if isinstance(packed, bytes) else None
    if location is not None:
        del items[17]
    return Target(number=number, location=location, items=items, **taken)  # type: ignore[arg-type]


_FIELDS: Final = {1: "centroid", 2: "top_left", 3: "bottom_right", 5: "confidence_pct"}


def encode_target(target: Target) -> bytes:
    """Write one target pack, its length included."""
    values = dict(target.items)
    for tag, name in _FIELDS.items():
        if getattr(target, name) is not None:
            values[tag] = getattr(target, name)
    if target.location is not None:
        values[17] = encode_location(target.location)
    pack = encode_oid(target.number) + encode_local_set(values, TARGET_TAGS)
    return encode_length(len(pack)) + pack


def encode_vmti(vmti: Vmti) -> bytes:
    """Write the value of a VMTI local set for tag 74 of ST 0601: no key, no checksum."""
    values = {tag: value for tag, value in vmti.items.items() if tag != 1}
    if vmti.targets:
        values[101] = b"".join(encode_target(target) for target in vmti.targets)
    first = encode_local_set({tag: value for tag, value in values.items() if tag == 2}, VMTI_TAGS)  # noqa: PLR2004
    return first + encode_local_set({tag: value for tag, value in values.items() if tag != 2}, VMTI_TAGS)  # noqa: PLR2004


def encode_vmti_packet(vmti: Vmti) -> bytes:
    """Write a VMTI set of its own: key, value and checksum."""
    value = encode_vmti(vmti)
    packet = VMTI_KEY + encode_length(len(value) + 4) + value + b"\x01\x02"
    return packet + checksum(packet).to_bytes(2, "big")


def encode_object(class_name: str) -> bytes:
    """Write what a target was taken for, as the value of target item 102 (ST 0903.4, VObject local set, item 2)."""
    return join_items([(2, class_name.encode())])
