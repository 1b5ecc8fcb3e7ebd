"""Everything that describes one simulated vehicle, as plain data that travels to its process as JSON."""

from __future__ import annotations

import dataclasses
import enum
import json
from typing import Any

from missions.plan_files.dialect import Dialect
from sitl.dynamics import Multirotor
from sitl.dynamics_power import BatterySpec, WindSpec
from sitl.dynamics_wing import FixedWing
from sitl.errors import SitlError
from sitl.faults import Fault, LinkQuality, fault_from_table


class Airframe(enum.StrEnum):
    """What flies."""

    COPTER = "copter"
    PLANE = "plane"


DEFAULT_T0_UTC_NS = 1_780_000_000_000_000_000
"""2026-05-28T20:26:40Z: when the simulated clock starts unless told otherwise."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SensorNoise:
    """One-sigma errors of what the vehicle reports about itself (the truth file has none of them).

    Position errors wander (first-order Gauss-Markov with `gps_time_s`), as a
    GNSS solution's do, rather than jump at each sample.
    """

    gps_h_m: float = 0.0
    gps_v_m: float = 0.0
    gps_time_s: float = 30.0
    yaw_deg: float = 0.0
    tilt_deg: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class VehicleConfig:
    """One simulated vehicle: where it stands, what it is, how it is reached.

    `speedup` is simulated seconds per wall second in the air (0: as fast as it
    goes); on the ground the clock runs at 1, so that uploads and
    arming meet real timers. Ports are on the loopback address; 0 lets the system choose and
    `VehicleProcess` reports the choice, None opens none. `udp_out` are
    "host:port" addresses to send to unasked, as simulators do towards a
    ground station's listening port.
    """

    home_lat_deg: float
    home_lon_deg: float
    home_alt_amsl_m: float = 0.0
    heading_deg: float = 0.0
    sysid: int = 1
    dialect: Dialect = Dialect.ARDUPILOT
    airframe: Airframe = Airframe.COPTER
    seed: int = 0
    speedup: float = 1.0
    t0_utc_ns: int = DEFAULT_T0_UTC_NS
    boot_s: float = 0.0
    tcp_port: int | None = 0
    udp_port: int | None = 0
    udp_out: tuple[str, ...] = ()
    wind: WindSpec = WindSpec()
    battery: BatterySpec = BatterySpec()
    battery_pct: float = 100.0
    multirotor: Multirotor = Multirotor()
    fixed_wing: FixedWing = FixedWing()
    noise: SensorNoise = SensorNoise()
    parameters: tuple[tuple[str, float], ...] = ()
    """Parameter names and the values they start with instead of the defaults."""
    link: LinkQuality = LinkQuality()
    """What the link does to frames in either direction, all the time."""
    faults: tuple[Fault, ...] = ()
    signing_key_hex: str = dataclasses.field(default="", repr=False)
    """32 bytes in hexadecimal: sign, and believe nothing unsigned; "" for no signing."""

    def __post_init__(self) -> None:
        checks = (
            ("home_lat_deg", -90.0 <= self.home_lat_deg <= 90.0, "between -90 and 90"),
            ("home_lon_deg", -180.0 <= self.home_lon_deg <= 180.0, "between -180 and 180"),
            ("sysid", 1 <= self.sysid <= 254, "between 1 and 254"),
            ("speedup", 0.0 <= self.speedup <= 10_000.0, "0 (as fast as it goes) or up to 10000"),
            ("tcp_port", _is_port(self.tcp_port), "0 (any free one) to 65535"),
            ("udp_port", _is_port(self.udp_port), "0 (any free one) to 65535"),
            ("udp_out", all(_is_address(one) for one in self.udp_out), "host:port, for example 127.0.0.1:14550"),
            ("battery_pct", 0.0 < self.battery_pct <= 100.0, "above 0 and up to 100"),
        )
        for name, good, rule in checks:
            if not good:
                value = getattr(self, name)
                raise SitlError(f"vehicle {name} is {value}; it must be {rule}", field=name, actual=value)

    def to_json(self) -> str:
        """Return the whole configuration as one line of JSON."""
        return json.dumps(dataclasses.asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> VehicleConfig:
        """Rebuild a configuration written by `to_json`."""
        raw: dict[str, Any] = json.loads(text)
        battery = raw["battery"]
        battery["power_w"] = tuple((float(v), float(w)) for v, w in battery["power_w"])
        raw.update(
            dialect=Dialect(raw["dialect"]),
            airframe=Airframe(raw["airframe"]),
            udp_out=tuple(raw["udp_out"]),
            wind=WindSpec(**raw["wind"] | {"layers": tuple(tuple(layer) for layer in raw["wind"]["layers"])}),
            battery=BatterySpec(**battery),
            fixed_wing=FixedWing(**raw["fixed_wing"]),
            multirotor=Multirotor(**raw["multirotor"]),
            noise=SensorNoise(**raw["noise"]),
            link=LinkQuality(**raw["link"]),
            faults=tuple(fault_from_table(table) for table in raw["faults"]),
            parameters=tuple((str(name), float(value)) for name, value in raw["parameters"]),
        )
        return cls(**raw)


def _is_port(port: int | None) -> bool:
    return port is None or 0 <= port <= 65535


def _is_address(text: str) -> bool:
    _, _, port = text.rpartition(":")
    return port.isdigit() and 0 < int(port) <= 65535
