"""Upload time against MAVSDK and DroneKit: the same vehicle, mission and lossy UDP link, in one run.

Each contender runs in a process of its own against a fresh simulated vehicle, through a proxy on loopback that delays
and loses datagrams both ways from a seed; those of one loss run beside each other, since a rival that fails waits for
most of a minute. Ours is timed twice: until the vehicle's ACK, as the rivals stop, and until the read-back has been
compared, which neither rival does by itself.
"""

from __future__ import annotations

import concurrent.futures
import heapq
import itertools
import json
import select
import socket
import statistics
import subprocess
import sys
import threading
import time

import numpy as np

from benchmarks import Row

ITEMS = 100
DELAY_S = 0.02
LOSSES = (0.0, 0.05, 0.1)
SEEDS = (1, 2, 3)
LIMIT_S = 60.0
HOME = (51.44, 4.92, 20.0)


class LossyProxy:
    """UDP between one client and one vehicle: late by `DELAY_S`, lost with a probability."""

    def __init__(self, vehicle_port: int, loss: float, seed: int) -> None:
        self._vehicle = ("127.0.0.1", vehicle_port)
        self._loss = loss
        self._rng = np.random.default_rng(seed)
        self._client: tuple[str, int] | None = None
        self._near, self._far = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self._near.bind(("127.0.0.1", 0))
        self._far.bind(("127.0.0.1", 0))
        self.port = self._near.getsockname()[1]
        self.lossless = True
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._carry, daemon=True)

    def __enter__(self) -> LossyProxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._near.close()
        self._far.close()

    def _carry(self) -> None:
        waiting: list[tuple[float, int, bool, bytes]] = []
        order = 0
        while not self._stop.is_set():
            wait = max(0.0, waiting[0][0] - time.monotonic()) if waiting else 0.05
            for ready in select.select([self._near, self._far], [], [], min(wait, 0.05))[0]:
                data, sender = ready.recvfrom(65_536)
                up = ready is self._near
                if up:
                    self._client = sender
                if self.lossless or self._rng.random() >= self._loss:
                    order += 1
                    heapq.heappush(waiting, (time.monotonic() + DELAY_S, order, up, data))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, up, data = heapq.heappop(waiting)
                if up:
                    self._far.sendto(data, self._vehicle)
                elif self._client is not None:
                    self._near.sendto(data, self._client)


def places() -> list[tuple[float, float, float]]:
    """Latitude, longitude and height above home of each waypoint."""
    return [(HOME[0] + 0.0002 * (i % 10), HOME[1] + 0.0003 * (i // 10), 40.0 + i % 7) for i in range(ITEMS - 2)]


def wait_for_go() -> None:
    """Say that the link is up, and wait until the loss begins."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()


def done(**times: float) -> None:
    sys.stdout.write(json.dumps(times) + "\n")
    sys.stdout.flush()


def vedette(port: int) -> None:
    from missions.flight.run import Flight
    from missions.flight.values import FlightOptions
    from missions.links.link import open_link
    from missions.plan import MissionItem, Sortie
    from missions.plan_files.dialect import MissionType
    from missions.transfer import drive
    from missions.transfer.upload import Upload
    from missions.transfer.values import TransferState

    items = [MissionItem(seq=0, command=16, frame=0, lat_deg=HOME[0], lon_deg=HOME[1], alt_m=HOME[2])]
    items.append(MissionItem(seq=1, command=22, frame=3, lat_deg=HOME[0], lon_deg=HOME[1], alt_m=40.0))
    for lat, lon, alt in places():
        items.append(MissionItem(seq=len(items), command=16, frame=3, lat_deg=lat, lon_deg=lon, alt_m=alt))
    nothing = Sortie(
        name="b", aircraft="", site="", home_lat_deg=HOME[0], home_lon_deg=HOME[1], home_alt_amsl_m=HOME[2],
        t_start_s=0.0, legs=(), items=(),
    )  # fmt: skip
    with open_link(f"udpout:127.0.0.1:{port}") as link:
        flight = Flight(link, nothing, FlightOptions())
        flight.connect()
        wait_for_go()
        machine = Upload(items, flight.state.peer(link.own_system, link.own_component), MissionType.MISSION)
        start = time.monotonic()
        acknowledged: list[float] = []

        def look(_: object) -> None:
            if not acknowledged and machine.state is TransferState.READING_BACK:
                acknowledged.append(time.monotonic() - start)

        drive(machine, link, on_message=look)
        whole = time.monotonic() - start if machine.report().uploaded else float("inf")
        done(upload=acknowledged[0] if acknowledged else float("inf"), proven=whole)


def mavsdk(port: int) -> None:
    from mavsdk import ComponentType, Configuration, Mavsdk
    from mavsdk.plugins.mission_raw.mission_raw import MissionItem, MissionRaw

    sdk = Mavsdk(Configuration.create_with_component_type(ComponentType.GROUND_STATION))
    sdk.add_any_connection(f"udpout://127.0.0.1:{port}")
    missions = MissionRaw(sdk.first_autopilot(20.0))
    rows = [(0, 16, *HOME), (3, 22, HOME[0], HOME[1], 40.0), *((3, 16, *p) for p in places())]
    items = [
        MissionItem(i, frame, command, int(i == 0), 1, 0, 0, 0, 0, round(lat * 1e7), round(lon * 1e7), alt, 0)
        for i, (frame, command, lat, lon, alt) in enumerate(rows)
    ]
    wait_for_go()
    start = time.monotonic()
    upload = proven = float("inf")
    try:
        missions.upload_mission(items)
        upload = time.monotonic() - start
        if len(missions.download_mission()) == len(items):
            proven = time.monotonic() - start
    except Exception as error:
        sys.stderr.write(f"mavsdk: {error}\n")
    done(upload=upload, proven=proven)


def dronekit(port: int) -> None:
    from dronekit import Command, connect

    vehicle = connect(f"udpout:127.0.0.1:{port}", wait_ready=False, timeout=30)
    commands = vehicle.commands
    commands.clear()
    commands.add(Command(0, 0, 0, 3, 22, 0, 1, 0, 0, 0, 0, HOME[0], HOME[1], 40.0))
    for lat, lon, alt in places():
        commands.add(Command(0, 0, 0, 3, 16, 0, 1, 0, 0, 0, 0, lat, lon, alt))
    wait_for_go()
    start = time.monotonic()
    upload = proven = float("inf")
    try:
        commands.upload(timeout=LIMIT_S / 2)
        upload = time.monotonic() - start
        commands.download()
        commands.wait_ready(timeout=LIMIT_S / 2)
        proven = time.monotonic() - start
    except Exception as error:
        sys.stderr.write(f"dronekit: {error}\n")
    done(upload=upload, proven=proven)


def trial(contender: str, loss: float, seed: int) -> dict[str, float]:
    """Run one contender once; what did not finish in time is infinite."""
    from sitl.vehicle import VehicleConfig, start_vehicle

    never = {"upload": float("inf"), "proven": float("inf")}
    config = VehicleConfig(home_lat_deg=HOME[0], home_lon_deg=HOME[1], home_alt_amsl_m=HOME[2], seed=seed)
    with start_vehicle(config) as vehicle, LossyProxy(int(vehicle.udp_port or 0), loss, seed) as proxy:
        child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.upload", contender, str(proxy.port)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        kill = threading.Timer(LIMIT_S, child.kill)
        kill.start()
        try:
            for line in child.stdout or ():
                if line.strip() == "ready":
                    proxy.lossless = False
                    child.stdin.write("\n")  # type: ignore[union-attr]
                    child.stdin.flush()  # type: ignore[union-attr]
                elif line.startswith("{"):
                    return {**never, **json.loads(line)}
            return never
        finally:
            kill.cancel()
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()


def trials(loss: float) -> dict[str, list[dict[str, float]]]:
    """Run every contender with every seed, all beside each other: they wait for the link nearly all of the time."""
    asked = list(itertools.product(("vedette", "mavsdk", "dronekit"), SEEDS))
    with concurrent.futures.ThreadPoolExecutor(len(asked)) as pool:
        found = list(pool.map(lambda one: trial(one[0], loss, one[1]), asked))
    times: dict[str, list[dict[str, float]]] = {}
    for (name, _), one in zip(asked, found, strict=True):
        times.setdefault(name, []).append(one)
    return times


def run() -> list[Row]:
    """Return the median upload times of each contender at each loss."""
    rows = []
    for loss in LOSSES:
        times = trials(loss)
        for rival in ("mavsdk", "dronekit"):
            for key, what in (("upload", "upload"), ("proven", "upload and read back")):
                ours, theirs = (statistics.median(t[key] for t in times[name]) for name in ("vedette", rival))
                failed = sum(t[key] == float("inf") for t in times[rival])
                name = f"{rival}, {failed} of {len(SEEDS)} failed" if failed else rival
                text = f"{what} {ITEMS} items, {loss:.0%} loss, {1000 * DELAY_S:.0f} ms each way"
                rows.append(Row(what=text, ours=ours, rival=theirs, rival_name=name, unit="s"))
    return rows


if __name__ == "__main__":
    {"vedette": vedette, "mavsdk": mavsdk, "dronekit": dronekit}[sys.argv[1]](int(sys.argv[2]))
