"""What the planner calls fit, `check` calls fit, and a vehicle stores: random briefs over three kinds of ground.

Both dialects, both kinds of aircraft, in wind. The vehicle is the simulated one: it knows nothing of the planner, keeps
lists as its autopilot does, and flies under its own guidance.
"""

from __future__ import annotations

import dataclasses
import random

import numpy as np
import pytest
import rasterio
import shapely
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from rasterio.transform import from_origin

from geo.errors import RefusedError
from missions.airspace.ground_file import open_situation
from missions.briefs.brief_file import build_brief
from missions.checks.check import check_document
from missions.plan import Severity
from missions.plan_files.dialect import Dialect, MissionType, wire_items
from missions.plan_files.plan_folder_file import write_plan_folder
from missions.plan_files.plan_sources_file import plan_sources, read_plans
from missions.tasks.plan_door import plan_brief
from missions.tasks.written import closed_over_checker
from missions.transfer.upload import Upload
from missions.transfer.values import Peer
from sitl.dynamics import offset_m
from sitl.planned import planned_vehicle
from sitl.vehicle.modes import Mode
from sitl.vehicle.vehicle import Vehicle

FIRST_LEG_BY_ITS_FENCE = 1015
"""A fixed wing whose fence lies close about its first leg: the way out of its circle must be the one flown."""
TERRAINS = ("hills", "flat", "ridge")
STEP_DEG = 0.001
REACH_DEG = 0.06
"""How far the ground is known beyond the border drawn."""


def shaped(kind, points, base_m, folder):
    """Write ground about a border, and return its table in the brief: rolling hills, or a ridge across the border."""
    if kind == "flat":
        return {"flat_amsl_m": base_m}
    lat, lon = np.array(points).T
    north, west = lat.max() + REACH_DEG, lon.min() - REACH_DEG
    rows = north - STEP_DEG * np.arange(round((np.ptp(lat) + 2.0 * REACH_DEG) / STEP_DEG))
    columns = west + STEP_DEG * np.arange(round((np.ptp(lon) + 2.0 * REACH_DEG) / STEP_DEG))
    y_m = 111_200.0 * (rows[:, None] - lat.mean())
    x_m = 111_200.0 * np.cos(np.radians(lat.mean())) * (columns[None, :] - lon.mean())
    if kind == "hills":
        height_m = 25.0 * np.sin(x_m / 800.0) * np.cos(y_m / 600.0)
    else:
        height_m = 90.0 * np.exp(-(((x_m - 0.3 * y_m - 900.0) / 700.0) ** 2))
    folder.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "height": len(rows), "width": len(columns), "count": 1, "dtype": "float32"}
    corner = from_origin(west - STEP_DEG / 2.0, north + STEP_DEG / 2.0, STEP_DEG, STEP_DEG)
    with rasterio.open(folder / "ground.tif", "w", crs="EPSG:4326", transform=corner, **profile) as raster:
        raster.write((base_m + height_m).astype("float32"), 1)
    return {"file": "ground.tif"}


def random_brief(seed, folder):
    rng = random.Random(seed)
    wing = rng.random() < 0.35
    points = [[rng.uniform(30, 60), rng.uniform(5, 25)]]
    for _ in range(rng.randint(1, 4)):
        points.append([points[-1][0] + rng.uniform(-0.004, 0.004), points[-1][1] + rng.uniform(0.01, 0.025)])
    asked_m = rng.choice([100, 200, 300])
    depth_m = asked_m + rng.choice([300, 500, 900])
    middle = points[len(points) // 2]
    site_lat = middle[0] - (depth_m + 400 + 600 * wing) / 111_000
    return build_brief(
        {
            "name": f"r{seed}",
            "dialect": rng.choice(["px4", "ardupilot"]),
            "border": {"coordinates": points, "own_side": "right"},
            "standoff": {"asked_m": asked_m},
            "corridor": {"depth_m": depth_m + (600 if wing else 0)},
            "aircraft": {
                "type": "wing-2m" if wing else rng.choice(["quad-survey", "quad-heavy"]),
                "count": rng.randint(1, 3),
            },
            "launch": [{"name": "a", "lat_deg": site_lat, "lon_deg": middle[1]}],
            "terrain": shaped(TERRAINS[seed % 3], points, rng.choice([0.0, 300.0, 1200.0]), folder),
            "wind": {"speed_mps": rng.uniform(0, 7), "from_deg": rng.uniform(0, 359)},
        },
        folder,
    )


def on_the_wire(link, message):
    """Return a message as it arrives: packed by one end, read by the other."""
    return link.parse_buffer(message.pack(link))[0]


def carry(machine, vehicle, said):
    """Carry a transfer's messages to the vehicle and back until it is done; return what it came to."""
    station, aircraft = mavlink.MAVLink(None, 255, 190), mavlink.MAVLink(None, 1, 1)
    now_s, sent = 0.0, machine.start(0.0)
    while not machine.done:
        for message in sent:
            vehicle.handle(on_the_wire(station, message))
        now_s += 0.02
        vehicle.step()
        vehicle.tick(now_s)
        answers = [on_the_wire(aircraft, message) for message in said]
        said.clear()
        sent = [m for answer in answers for m in machine.feed(answer, now_s)] + machine.poll(now_s)
    return machine.report()


def aboard(brief, sortie):
    """Send a sortie's lists to the vehicle it was made for; return the vehicle and what each transfer came to."""
    dialect, said = Dialect(brief.dialect), []
    vehicle = Vehicle(planned_vehicle(brief, sortie), lambda message, to: said.append(message))
    lists = {
        MissionType.FENCE: sortie.fence,
        MissionType.RALLY: sortie.rally,
        MissionType.MISSION: wire_items(sortie, dialect),
    }
    peer = Peer(system=1, component=1, dialect=dialect, fixed_wing=vehicle.wing is not None)
    return vehicle, [carry(Upload(items, peer, kind), vehicle, said) for kind, items in lists.items()]


def holds(seed, folder):
    """Plan; where the plan is fit, read its written folder, judge each sortie against the brief, and store it."""
    brief = random_brief(seed, folder)
    try:
        made = plan_brief(brief)
    except RefusedError:
        return None
    if not made.plan.feasible:
        return False
    write_plan_folder(made, folder / "plan")
    world = open_situation(brief)
    for source in plan_sources(folder / "plan"):
        for name, document in read_plans(source):
            findings = check_document(document, name=name, brief=world).findings
            wrong = [f"{one.rule}: {one.message}" for one in findings if one.severity is Severity.ERROR]
            assert not wrong, (seed, name, wrong)
    for sortie in made.plan.sorties:
        for report in aboard(brief, sortie)[1]:
            assert report.uploaded, (seed, sortie.name, report.message)
    return True


def test_plans_that_are_called_fit_pass_the_check(tmp_path):
    told = [holds(seed, tmp_path / str(seed)) for seed in range(6)]
    assert told.count(True) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 500, 20))
def test_five_hundred_briefs(first, tmp_path):
    told = [holds(seed, tmp_path / str(seed)) for seed in range(1000 + first, 1020 + first)]
    assert told.count(True) >= 10


def test_a_fixed_wing_leaves_its_circle_inside_the_fence(tmp_path):
    """As the checker expects it, and as the simulated vehicle flies it on its own."""
    brief = random_brief(FIRST_LEG_BY_ITS_FENCE, tmp_path)
    plan = plan_brief(brief).plan
    assert plan.feasible
    sortie = plan.sorties[0]
    home = sortie.home_lat_deg, sortie.home_lon_deg
    inclusion = [offset_m(*home, i.lat_deg, i.lon_deg) for i in sortie.fence if i.command == 5001]
    fence = shapely.Polygon(inclusion)
    vehicle, _ = aboard(brief, sortie)
    assert vehicle.autopilot.set_mode(Mode.AUTO)
    assert vehicle.autopilot.arm(force=True)
    assert vehicle.autopilot.start_mission()
    flown = []
    while vehicle.autopilot.run.current < 8 and vehicle.t_s < 900.0:
        vehicle.step()
        flown.append(offset_m(*home, vehicle.state.lat_deg, vehicle.state.lon_deg))
    assert vehicle.autopilot.run.current == 8
    assert fence.contains(shapely.LineString(flown[::10]))


def test_what_is_written_and_leaves_its_fence_is_an_error_of_the_plan(make_brief, straight):
    made = plan_brief(make_brief(straight))
    assert made.plan.feasible
    sortie = made.plan.sorties[0]
    shrunk = tuple(dataclasses.replace(i, lat_deg=(i.lat_deg + sortie.home_lat_deg) / 2.0) for i in sortie.fence)
    told = dataclasses.replace(made.plan, sorties=(dataclasses.replace(sortie, fence=shrunk), *made.plan.sorties[1:]))
    found = closed_over_checker(dataclasses.replace(made, plan=told)).plan.findings
    assert {(one.rule, one.sortie) for one in found if one.severity is Severity.ERROR} >= {("fence.leg", sortie.name)}


def test_what_check_warns_of_in_the_written_files_the_plan_says_too(make_brief, straight):
    made = plan_brief(make_brief(straight))
    sortie = made.plan.sorties[0]
    mission = [i for i in sortie.items if i.command == 16]
    north = max(mission, key=lambda i: i.lat_deg)
    by_a_hair = north.lat_deg + 3.0 / 111_200.0  # 3 m north of the northernmost waypoint
    fence = tuple(dataclasses.replace(i, lat_deg=min(i.lat_deg, by_a_hair)) for i in sortie.fence)
    told = dataclasses.replace(made.plan, sorties=(dataclasses.replace(sortie, fence=fence), *made.plan.sorties[1:]))
    found = closed_over_checker(dataclasses.replace(made, plan=told)).plan.findings
    (warned,) = (one for one in found if one.rule == "fence.margin")
    assert (warned.severity, warned.sortie) == (Severity.WARNING, sortie.name)
    assert warned.message.startswith(f"{sortie.name}: ")
