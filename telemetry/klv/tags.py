"""The items of MISB ST 0601 (tags 1-143): number, name, unit and how the bytes mean a number.

Source: MISB ST 0601.19, section 8, and the ranges in the format notes. One line
an item; adding an item is adding a line.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Final


class Coding(enum.StrEnum):
    """How an item's bytes become a value."""

    UNSIGNED = "unsigned"
    """Linear map of an unsigned integer to [lo, hi]."""
    SIGNED = "signed"
    """Linear map of a signed integer to [lo, hi]; the most negative integer is "out of range"."""
    IMAPB = "imapb"
    """ST 1201 map of an integer to [lo, hi]."""
    COUNT = "count"
    """An unsigned integer that is the value."""
    INTEGER = "integer"
    """A signed integer that is the value."""
    TEXT = "text"
    """UTF-8."""
    TEXT16 = "text16"
    """UTF-16, big-endian (ST 0102 object country codes)."""
    RAW = "raw"
    """A nested set, a pack or anything else kept as bytes."""


NUMERIC: Final = frozenset({Coding.UNSIGNED, Coding.SIGNED, Coding.IMAPB, Coding.COUNT, Coding.INTEGER})


@dataclasses.dataclass(frozen=True, slots=True)
class Tag:
    """One item of the local set: its length is the one we write, readers take any."""

    number: int
    name: str
    coding: Coding
    unit: str = ""
    length: int = 0
    lo: float = 0.0
    hi: float = 0.0


def _u(number: int, name: str, unit: str, length: int, lo: float, hi: float) -> Tag:
    return Tag(number, name, Coding.UNSIGNED, unit, length, lo, hi)


def _s(number: int, name: str, unit: str, length: int, limit: float) -> Tag:
    return Tag(number, name, Coding.SIGNED, unit, length, -limit, limit)


def _m(number: int, name: str, unit: str, length: int, lo: float, hi: float) -> Tag:
    return Tag(number, name, Coding.IMAPB, unit, length, lo, hi)


def _c(number: int, name: str, unit: str, length: int) -> Tag:
    return Tag(number, name, Coding.COUNT, unit, length)


def _t(number: int, name: str) -> Tag:
    return Tag(number, name, Coding.TEXT)


def _r(number: int, name: str) -> Tag:
    return Tag(number, name, Coding.RAW)


_ITEMS: Final = (
    _c(1, "Checksum", "", 2),
    _c(2, "Precision Time Stamp", "us", 8),
    _t(3, "Mission ID"),
    _t(4, "Platform Tail Number"),
    _u(5, "Platform Heading Angle", "deg", 2, 0, 360),
    _s(6, "Platform Pitch Angle", "deg", 2, 20),
    _s(7, "Platform Roll Angle", "deg", 2, 50),
    _u(8, "Platform True Airspeed", "m/s", 1, 0, 255),
    _u(9, "Platform Indicated Airspeed", "m/s", 1, 0, 255),
    _t(10, "Platform Designation"),
    _t(11, "Image Source Sensor"),
    _t(12, "Image Coordinate System"),
    _s(13, "Sensor Latitude", "deg", 4, 90),
    _s(14, "Sensor Longitude", "deg", 4, 180),
    _u(15, "Sensor True Altitude", "m MSL", 2, -900, 19000),
    _u(16, "Sensor Horizontal Field of View", "deg", 2, 0, 180),
    _u(17, "Sensor Vertical Field of View", "deg", 2, 0, 180),
    _u(18, "Sensor Relative Azimuth Angle", "deg", 4, 0, 360),
    _s(19, "Sensor Relative Elevation Angle", "deg", 4, 180),
    _u(20, "Sensor Relative Roll Angle", "deg", 4, 0, 360),
    _u(21, "Slant Range", "m", 4, 0, 5_000_000),
    _u(22, "Target Width", "m", 2, 0, 10_000),
    _s(23, "Frame Center Latitude", "deg", 4, 90),
    _s(24, "Frame Center Longitude", "deg", 4, 180),
    _u(25, "Frame Center Elevation", "m MSL", 2, -900, 19000),
    _s(26, "Offset Corner Latitude Point 1", "deg", 2, 0.075),
    _s(27, "Offset Corner Longitude Point 1", "deg", 2, 0.075),
    _s(28, "Offset Corner Latitude Point 2", "deg", 2, 0.075),
    _s(29, "Offset Corner Longitude Point 2", "deg", 2, 0.075),
    _s(30, "Offset Corner Latitude Point 3", "deg", 2, 0.075),
    _s(31, "Offset Corner Longitude Point 3", "deg", 2, 0.075),
    _s(32, "Offset Corner Latitude Point 4", "deg", 2, 0.075),
    _s(33, "Offset Corner Longitude Point 4", "deg", 2, 0.075),
    _c(34, "Icing Detected", "", 1),
    _u(35, "Wind Direction", "deg", 2, 0, 360),
    _u(36, "Wind Speed", "m/s", 1, 0, 100),
    _u(37, "Static Pressure", "mbar", 2, 0, 5000),
    _u(38, "Density Altitude", "m", 2, -900, 19000),
    Tag(39, "Outside Air Temperature", Coding.INTEGER, "degC", 1),
    _s(40, "Target Location Latitude", "deg", 4, 90),
    _s(41, "Target Location Longitude", "deg", 4, 180),
    _u(42, "Target Location Elevation", "m MSL", 2, -900, 19000),
    _u(43, "Target Track Gate Width", "px", 1, 0, 510),
    _u(44, "Target Track Gate Height", "px", 1, 0, 510),
    _u(45, "Target Error Estimate CE90", "m", 2, 0, 4095),
    _u(46, "Target Error Estimate LE90", "m", 2, 0, 4095),
    _c(47, "Generic Flag Data", "", 1),
    _r(48, "Security Local Set"),
    _u(49, "Differential Pressure", "mbar", 2, 0, 5000),
    _s(50, "Platform Angle of Attack", "deg", 2, 20),
    _s(51, "Platform Vertical Speed", "m/s", 2, 180),
    _s(52, "Platform Sideslip Angle", "deg", 2, 20),
    _u(53, "Airfield Barometric Pressure", "mbar", 2, 0, 5000),
    _u(54, "Airfield Elevation", "m MSL", 2, -900, 19000),
    _u(55, "Relative Humidity", "%", 1, 0, 100),
    _u(56, "Platform Ground Speed", "m/s", 1, 0, 255),
    _u(57, "Ground Range", "m", 4, 0, 5_000_000),
    _u(58, "Platform Fuel Remaining", "kg", 2, 0, 10_000),
    _t(59, "Platform Call Sign"),
    _c(60, "Weapon Load", "", 2),
    _c(61, "Weapon Fired", "", 1),
    _c(62, "Laser PRF Code", "", 2),
    _c(63, "Sensor Field of View Name", "", 1),
    _u(64, "Platform Magnetic Heading", "deg", 2, 0, 360),
    _c(65, "UAS Datalink LS Version Number", "", 1),
    _r(66, "Deprecated"),
    _s(67, "Alternate Platform Latitude", "deg", 4, 90),
    _s(68, "Alternate Platform Longitude", "deg", 4, 180),
    _u(69, "Alternate Platform Altitude", "m MSL", 2, -900, 19000),
    _t(70, "Alternate Platform Name"),
    _u(71, "Alternate Platform Heading", "deg", 2, 0, 360),
    _c(72, "Event Start Time", "us", 8),
    _r(73, "RVT Local Set"),
    _r(74, "VMTI Local Set"),
    _u(75, "Sensor Ellipsoid Height", "m HAE", 2, -900, 19000),
    _u(76, "Alternate Platform Ellipsoid Height", "m HAE", 2, -900, 19000),
    _c(77, "Operational Mode", "", 1),
    _u(78, "Frame Center Height Above Ellipsoid", "m HAE", 2, -900, 19000),
    _s(79, "Sensor North Velocity", "m/s", 2, 327),
    _s(80, "Sensor East Velocity", "m/s", 2, 327),
    _r(81, "Image Horizon Pixel Pack"),
    _s(82, "Corner Latitude Point 1 (Full)", "deg", 4, 90),
    _s(83, "Corner Longitude Point 1 (Full)", "deg", 4, 180),
    _s(84, "Corner Latitude Point 2 (Full)", "deg", 4, 90),
    _s(85, "Corner Longitude Point 2 (Full)", "deg", 4, 180),
    _s(86, "Corner Latitude Point 3 (Full)", "deg", 4, 90),
    _s(87, "Corner Longitude Point 3 (Full)", "deg", 4, 180),
    _s(88, "Corner Latitude Point 4 (Full)", "deg", 4, 90),
    _s(89, "Corner Longitude Point 4 (Full)", "deg", 4, 180),
    _s(90, "Platform Pitch Angle (Full)", "deg", 4, 90),
    _s(91, "Platform Roll Angle (Full)", "deg", 4, 90),
    _s(92, "Platform Angle of Attack (Full)", "deg", 4, 90),
    _s(93, "Platform Sideslip Angle (Full)", "deg", 4, 180),
    _r(94, "MIIS Core Identifier"),
    _r(95, "SAR Motion Imagery Local Set"),
    _m(96, "Target Width Extended", "m", 3, 0, 1_500_000),
    _r(97, "Range Image Local Set"),
    _r(98, "Geo-Registration Local Set"),
    _r(99, "Composite Imaging Local Set"),
    _r(100, "Segment Local Set"),
    _r(101, "Amend Local Set"),
    _r(102, "SDCC-FLP"),
    _m(103, "Density Altitude Extended", "m", 3, -900, 40_000),
    _m(104, "Sensor Ellipsoid Height Extended", "m HAE", 3, -900, 40_000),
    _m(105, "Alternate Platform Ellipsoid Height Extended", "m HAE", 3, -900, 40_000),
    _t(106, "Stream Designator"),
    _t(107, "Operational Base"),
    _t(108, "Broadcast Source"),
    _m(109, "Range To Recovery Location", "km", 3, 0, 21_000),
    _c(110, "Time Airborne", "s", 4),
    _c(111, "Propulsion Unit Speed", "rpm", 4),
    _m(112, "Platform Course Angle", "deg", 2, 0, 360),
    _m(113, "Altitude AGL", "m AGL", 3, -900, 40_000),
    _m(114, "Radar Altimeter", "m AGL", 3, -900, 40_000),
    _r(115, "Control Command"),
    _r(116, "Control Command Verification List"),
    _m(117, "Sensor Azimuth Rate", "deg/s", 3, -1000, 1000),
    _m(118, "Sensor Elevation Rate", "deg/s", 3, -1000, 1000),
    _m(119, "Sensor Roll Rate", "deg/s", 3, -1000, 1000),
    _m(120, "On-board MI Storage Percent Full", "%", 2, 0, 100),
    _r(121, "Active Wavelength List"),
    _r(122, "Country Codes"),
    _c(123, "Number of NAVSATs in View", "", 1),
    _c(124, "Positioning Method Source", "", 1),
    _c(125, "Platform Status", "", 1),
    _c(126, "Sensor Control Mode", "", 1),
    _r(127, "Sensor Frame Rate Pack"),
    _r(128, "Wavelengths List"),
    _t(129, "Target ID"),
    _r(130, "Airbase Locations"),
    _c(131, "Take-off Time", "us", 8),
    _m(132, "Transmission Frequency", "MHz", 3, 1, 99_999),
    _c(133, "On-board MI Storage Capacity", "GB", 4),
    _m(134, "Zoom Percentage", "%", 2, 0, 100),
    _t(135, "Communications Method"),
    Tag(136, "Leap Seconds", Coding.INTEGER, "s", 1),
    Tag(137, "Correction Offset", Coding.INTEGER, "us", 8),
    _r(138, "Payload List"),
    _r(139, "Active Payloads"),
    _r(140, "Weapons Stores"),
    _r(141, "Waypoint List"),
    _r(142, "View Domain"),
    _r(143, "Metadata Substream ID Pack"),
)

TAGS: Final[dict[int, Tag]] = {tag.number: tag for tag in _ITEMS}
"""Every known item, by number."""

EXACT_INTEGERS: Final = frozenset({2, 72, 131, 137})
"""Items whose integers need more than the 53 bits of a float: columns of int64."""
