"""Applies faults to a vehicle when their time comes, and takes them away again."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sitl.faults import Fault, FaultBoard, FaultKind, LinkQuality, LinkShim, Part, PartFault, Word

if TYPE_CHECKING:
    from sitl.dynamics_power import Battery, Wind
    from sitl.vehicle.config import VehicleConfig
    from sitl.vehicle.gimbal import Gimbal
    from sitl.vehicle.sensors import Sensors


class Breakable(Protocol):
    """What of a vehicle can break."""

    config: VehicleConfig
    battery: Battery
    gimbal: Gimbal
    sensors: Sensors
    wind: Wind

    @property
    def t_s(self) -> float:
        """Simulated seconds since boot."""
        ...

    @property
    def airborne(self) -> bool:
        """Whether it is off the ground."""
        ...


class LinkCondition:
    """What the vehicle's links do to frames: one shim in each direction, shared by all peers of a vehicle."""

    def __init__(self, quality: LinkQuality, seed: int) -> None:
        seeds = np.random.SeedSequence([seed, 7]).spawn(2)
        self.usual = quality
        self.inbound = LinkShim(quality, np.random.default_rng(seeds[0]))
        self.outbound = LinkShim(quality, np.random.default_rng(seeds[1]))

    @property
    def is_cut(self) -> bool:
        """Whether nothing passes."""
        return self.inbound.is_cut

    def cut(self, *, on: bool) -> None:
        """Cut the link, or mend it."""
        self.inbound.is_cut = self.outbound.is_cut = on

    def use(self, quality: LinkQuality) -> None:
        """Change what happens to frames from now on."""
        self.inbound.quality = self.outbound.quality = quality


class FaultDesk:
    """Begins and ends the faults of one vehicle.

    Times count from the first take-off.
    """

    def __init__(self, vehicle: Breakable, link: LinkCondition, rng: np.random.Generator) -> None:
        self.board = FaultBoard(vehicle.config.faults)
        self.link = link
        self.battery = PartFault(rng, wrong=(-3.0, -40.0), spread=(5.0, 40.0))
        self.camera = PartFault(rng, wrong=(1e-3, 1e-3), spread=(1e-2, 1e-2))
        self.cut_since_s: float | None = None
        self.radio_lost_since_s: float | None = None
        self._vehicle = vehicle
        self._took_off_s: float | None = None

    @property
    def flown_s(self) -> float:
        """Simulated seconds since the first take-off; negative before it."""
        return self._vehicle.t_s - self._took_off_s if self._took_off_s is not None else -1.0

    def add(self, fault: Fault, *, from_now: bool) -> None:
        """Plan one more fault, counted from the first take-off or from now."""
        if from_now:
            fault = dataclasses.replace(fault, at_s=fault.at_s + self.flown_s)
        self.board.add(fault)

    def step(self) -> None:
        """Begin and end what is due."""
        if self._took_off_s is None:
            if not self._vehicle.airborne:
                return
            self._took_off_s = self._vehicle.t_s
        beginning, ending = self.board.at(self.flown_s)
        for fault in ending:
            self._apply(fault, begin=False)
        for fault in beginning:
            self._apply(fault, begin=True)

    def _apply(self, fault: Fault, *, begin: bool) -> None:
        v = self._vehicle
        if fault.kind is FaultKind.PART:
            self.part(fault.part).set(fault.word if begin else Word.OK)
        elif fault.kind is FaultKind.LINK_LOSS:
            self.link.cut(on=begin)
            self.cut_since_s = v.t_s if begin else None
        elif fault.kind is FaultKind.RADIO_LOSS:
            self.radio_lost_since_s = v.t_s if begin else None
        elif fault.kind is FaultKind.LINK:
            self.link.use(fault.quality if begin else self.link.usual)
        elif fault.kind is FaultKind.GPS_JUMP:
            v.sensors.jump_m = (fault.north_m, fault.east_m) if begin else (0.0, 0.0)
        elif fault.kind is FaultKind.BATTERY_SAG and begin:
            v.battery.sag(fault.to_pct)
        elif fault.kind is FaultKind.GUST and begin:
            v.wind.blow(speed_mps=fault.speed_mps, from_deg=fault.from_deg, until_s=v.t_s + fault.for_s)

    def part(self, part: Part) -> PartFault:
        """Return where a part's fault is set."""
        if part is Part.GIMBAL:
            return self._vehicle.gimbal.fault
        if part is Part.CAMERA:
            return self.camera
        if part is Part.BATTERY:
            return self.battery
        return self._vehicle.sensors.faults[part]
