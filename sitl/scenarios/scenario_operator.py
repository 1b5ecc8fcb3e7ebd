"""What people do around a simulated flight: orders, late no-fly zones, a second ground station, a relay."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.flight.deviation import LocalPlane
from missions.flight.values import FlightPhase, PilotCommand
from missions.links.link import Station, open_link
from missions.plan_files.dialect import MissionType
from missions.transfer import drive
from missions.transfer.upload import Upload
from missions.transfer.values import Peer
from sitl.scenarios.scenario_backend import TOOL_STATION
from sitl.scenarios.scenario_sortie import fence_items

if TYPE_CHECKING:
    from missions.flight.values import FlightStatus
    from missions.links.link import Link
    from sitl.scenarios.scenario import Scenario, SecondStation, VehicleTable, Zone
    from sitl.scenarios.scenario_backend import Craft

ZONE_MARGIN_M: Final = 20.0


class Operator:
    """Watches one flight's status and acts when its time has come.

    Parameters
    ----------
    scenario, vehicle
        What is to happen.
    craft
        The aircraft, which the tools beside the ground station reach too.
    """

    def __init__(self, scenario: Scenario, vehicle: VehicleTable, craft: Craft) -> None:
        self.on_line_last = threading.Event()
        """Set when the last piece of the route is being flown to (or the flight has ended)."""
        self.zone_from_utc_ns: dict[str, int] = {}
        self._scenario = scenario
        self._vehicle = vehicle
        self._craft = craft
        self._system = craft.system
        self._orders = sorted(vehicle.pilot, key=lambda order: order.at_s)
        self._zones = sorted((z for z in scenario.zone if z.appears_s > 0.0), key=lambda zone: zone.appears_s)
        self._known = [z for z in scenario.zone if z.appears_s == 0.0]
        self._stations = sorted(vehicle.second_station, key=lambda station: station.at_s)
        self._status: FlightStatus | None = None
        self._links: list[Link] = []
        self._restored = False

    def watch(self, status: FlightStatus) -> None:
        """Take a status line (from `missions.flight`)."""
        self._status = status
        last = len(self._vehicle.route_m) + 2 + (self._vehicle.dialect == "ardupilot")
        if status.phase is FlightPhase.FLYING and status.seq >= last:
            self.on_line_last.set()

    def order(self) -> PilotCommand | None:
        """Return what the pilot orders now, acting on zones and stations on the way."""
        status = self._status
        if status is None or status.phase is not FlightPhase.FLYING:
            return None
        while self._stations and self._stations[0].at_s <= status.flight_s:
            self._meddle(self._stations.pop(0))
        if not self._restored and any(finding.rule == "mission_changed" for finding in status.findings):
            self._restored = True
            return PilotCommand.RESTORE
        if self._zones and self._zones[0].appears_s <= status.flight_s:
            return self._react(self._zones.pop(0), status)
        if self._orders and self._orders[0].at_s <= status.flight_s:
            return self._orders.pop(0).command
        return None

    def close(self) -> None:
        """Close the extra links."""
        for link in self._links:
            link.close()

    # -- zones ----------------------------------------------------------------------------------------

    def _react(self, zone: Zone, status: FlightStatus) -> PilotCommand | None:
        """Put the zone into the vehicle's fence; turn home (or land) when the rest of the route crosses it."""
        self._known.append(zone)
        items = fence_items(self._scenario, self._vehicle.fence_m, [z.ring_m for z in self._known])
        with self._craft.slowly(), open_link(self._craft.tools_url, station=Station(system=TOOL_STATION)) as link:
            peer = Peer(
                system=self._system,
                component=1,
                own_system=link.own_system,
                own_component=link.own_component,
                dialect=self._vehicle.dialect,
            )
            machine = Upload(items, peer, MissionType.FENCE)
            drive(machine, link)
            report = machine.report()
            if report.uploaded:
                self.zone_from_utc_ns[zone.name] = self._craft.clock() or 0
                self._switch_fence_on(link)
        return self._way_out(zone, status)

    def _switch_fence_on(self, link: Link) -> None:
        link.send(mavlink.MAVLink_command_long_message(self._system, 1, 207, 0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0))

    def _way_out(self, zone: Zone, status: FlightStatus) -> PilotCommand | None:
        origin = self._scenario.origin
        plane = LocalPlane(origin.lat_deg, origin.lon_deg)
        ring = shapely.buffer(shapely.polygons(self._xy(plane, zone.ring_m)), ZONE_MARGIN_M)
        here = plane.xy(status.lat_deg, status.lon_deg)[0]
        first = 3 + (self._vehicle.dialect == "ardupilot")
        ahead = self._vehicle.route_m[max(0, status.seq - first) :]
        home = self._xy(plane, [self._vehicle.home_m])
        rest = np.vstack([here, *self._xy(plane, [p[:2] for p in ahead]), *home])
        if not shapely.intersects(shapely.linestrings(rest), ring):
            return None
        direct = shapely.linestrings(np.vstack([here, *home]))
        return PilotCommand.LAND if shapely.intersects(direct, ring) else PilotCommand.RETURN

    def _xy(self, plane: LocalPlane, points: object) -> np.ndarray:
        places = np.array([self._scenario.origin.lat_lon(point) for point in points]).reshape(-1, 2)  # type: ignore[attr-defined]
        return plane.xy(places[:, 0], places[:, 1])

    # -- the other station ----------------------------------------------------------------------------

    def _meddle(self, station: SecondStation) -> None:
        """Come up as another ground station, and try to wipe the mission if asked to."""
        link = open_link(self._craft.tools_url, station=Station(system=station.system))
        self._links.append(link)
        link.send(mavlink.MAVLink_heartbeat_message(6, 8, 0, 0, 4, 3))
        link.send(mavlink.MAVLink_param_request_list_message(self._system, 1))
        if station.clears_mission:
            link.send(mavlink.MAVLink_mission_clear_all_message(self._system, 1, int(MissionType.MISSION)))
        link.receive(0.2)
