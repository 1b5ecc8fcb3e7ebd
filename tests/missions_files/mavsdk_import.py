"""Import plans through MAVSDK and print what it understood as JSON; run as a child of the tests.

MAVSDK needs a vehicle before its mission plugin exists, so a heartbeat is sent to it from here.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time

from mavsdk import ComponentType, Configuration, Mavsdk
from mavsdk.plugins.mission_raw.mission_raw import MissionRaw, MissionRawError
from pymavlink.dialects.v20 import common


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def connected_system(sdk, sock, port, *, tries=100):
    link = common.MAVLink(None, srcSystem=1, srcComponent=1)
    for _ in range(tries):
        beat = link.heartbeat_encode(
            common.MAV_TYPE_QUADROTOR, common.MAV_AUTOPILOT_PX4, 0, 0, common.MAV_STATE_STANDBY
        )
        sock.sendto(beat.pack(link), ("127.0.0.1", port))
        time.sleep(0.1)
        if systems := [s for s in sdk.get_systems() if s.is_connected()]:
            return systems[0]
    raise TimeoutError("MAVSDK saw no heartbeat")


def rows(items):
    return [
        [i.seq, i.frame, i.command, i.current, i.autocontinue, i.param1, i.param2, i.param3, i.param4, i.x, i.y, i.z]
        for i in items
    ]


def main():
    port = free_port()
    sdk = Mavsdk(Configuration.create_with_component_type(ComponentType.GROUND_STATION))
    sdk.add_any_connection(f"udpin://127.0.0.1:{port}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        mission = MissionRaw(connected_system(sdk, sock, port))
        answers = {}
        for path in sys.argv[1:]:
            try:
                data = mission.import_qgroundcontrol_mission(path)
                answers[path] = [rows(data.mission_items), rows(data.geofence_items), rows(data.rally_items)]
            except MissionRawError as error:
                answers[path] = str(error)
    sys.stdout.write("ANSWER" + json.dumps(answers) + "\n")
    sys.stdout.flush()
    os._exit(0)  # MAVSDK's own threads outlive the interpreter otherwise


if __name__ == "__main__":
    main()
