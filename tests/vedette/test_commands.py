"""The commands as a person types them: good input, and every kind of bad input."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from operations.store import OperationStore
from vedette.main import main

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "demo"


@pytest.fixture
def brief(tmp_path):
    """Return a copy of the example brief with its files, to be broken at will."""
    for path in EXAMPLE.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path / path.name)
    return tmp_path / "brief.toml"


def change(brief, old, new):
    text = brief.read_text()
    assert old in text
    brief.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "status", "named"),
    [
        ("asked_m = 150", "asked_km = 0.15", 2, "standoff.asked_m is missing"),
        ("asked_m = 150", 'asked_m = "150 m"', 2, "standoff.asked_m"),
        ("asked_m = 150", "asked_m = -3", 2, "standoff.asked_m"),
        ('"border.geojson"', '"nowhere.geojson"', 2, "nowhere.geojson"),
        ('"terrain.tif"', '"nowhere.tif"', 2, "nowhere.tif"),
        ('type = "quad-survey"', 'type = "quad-survey"\nbattery_wh = 6', 3, "battery"),
        ("depth_m = 190", "depth_m = 20", 3, "corridor"),
    ],
)
def test_a_brief_that_cannot_be_used_is_named_and_nothing_is_written(brief, tmp_path, capsys, old, new, status, named):
    change(brief, old, new)
    assert main(["plan", str(brief), "--out", str(tmp_path / "plan")]) == status
    shown = " ".join(capsys.readouterr().err.split())
    assert named in shown
    assert "Traceback" not in shown
    assert not (tmp_path / "plan").exists()


def test_a_border_that_crosses_itself_is_refused_at_the_place_where_it_does(brief, tmp_path, capsys):
    path = tmp_path / "border.geojson"
    data = json.loads(path.read_text())
    line = data["features"][0]["geometry"]["coordinates"]
    lon, lat = line[1]
    data["features"][0]["geometry"]["coordinates"] = [*line, [lon, lat + 0.004], [lon + 0.003, lat - 0.004]]
    path.write_text(json.dumps(data))
    assert main(["plan", str(brief), "--out", str(tmp_path / "plan")]) == 2
    shown = capsys.readouterr().err
    assert "crosses itself at 47." in shown
    assert not (tmp_path / "plan").exists()


def test_a_plan_folder_holds_what_a_unit_needs(brief, tmp_path, capsys):
    assert main(["plan", str(brief), "--out", str(tmp_path / "plan"), "--json"]) in (0, 1)
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert summary["feasible"]
    assert summary["min_standoff_m"] >= summary["required_standoff_m"]
    names = {path.name for path in (tmp_path / "plan").iterdir()}
    assert {"plan.json", "legs.geojson", "coverage.geojson", "schedule.csv", "map.html"} <= names
    assert {"S01.plan", "S01.waypoints"} <= names


@pytest.mark.parametrize(
    ("arguments", "status", "named"),
    [
        (["map", "{}"], 2, "no operation folder"),
        (["verify", "{}"], 2, "no operation folder"),
        (["ingest", "{}/nothing.ts", "--out", "{}/op"], 2, "does not exist"),
        (["ingest", "{}/letter.ts", "--out", "{}/op2"], 2, "letter.ts"),
        (["ingest", "{}/letter.ts", "--out", "{}"], 3, "not empty"),
        (["ingest", "{}/letter.ts", "--out", "{}/op3", "--model", "{}/letter.ts"], 2, "model"),
        (["ingest", "{}/letter.ts", "--out", "{}/op", "--terrain", "x.tif", "--flat-alt-amsl-m", "3"], 2, "exclude"),
        (["plan", "{}/nothing.toml", "--out", "{}/p"], 2, "nothing.toml"),
        (["plan", "--out", "{}/p"], 2, "brief"),
    ],
)
def test_wrong_usage_is_one_sentence(tmp_path, capsys, arguments, status, named):
    (tmp_path / "letter.ts").write_bytes(b"Dear sir or madam, " * 500)
    assert main([argument.replace("{}", str(tmp_path)) for argument in arguments]) == status
    shown = " ".join(capsys.readouterr().err.split())
    assert named in shown
    assert "Traceback" not in shown
    assert "unexpected" not in shown


def test_real_thermal_drone_pictures_give_boxes_and_each_unplaced_hit_its_reason(tmp_path, shared_data, capsys):
    card = tmp_path / "card"
    card.mkdir()
    for picture in sorted((shared_data / "hit-uav" / "val").iterdir())[::10]:
        shutil.copy(picture, card)
    count = len(list(card.iterdir()))
    assert main(["ingest", str(card), "--out", str(tmp_path / "op"), "--json"]) == 1, "nothing could be placed"
    told = capsys.readouterr()
    report = json.loads(told.out.splitlines()[-1])
    assert "no frame has a pose" in " ".join(told.err.split())
    assert report["frames"] == count
    assert report["hits"] > 0
    assert report["hits_placed"] == 0
    with OperationStore.open(tmp_path / "op", actor="test", clock=lambda: 0, read_only=True) as store:
        assert set(store.hits().reasons()) == {"no pose within 0.5 s"}
    assert main(["verify", str(tmp_path / "op")]) == 0


@pytest.mark.parametrize(
    "border",
    [
        pytest.param("border_BEL_NLD", marks=pytest.mark.slow),
        pytest.param("border_NOR_RUS", marks=pytest.mark.slow),
        "border_POL_BLR",
    ],
)
def test_a_quick_plan_on_a_real_border_keeps_the_standoff(tmp_path, shared_data, capsys, border):
    """No leg nearer than the standoff, measured by shapely on a projection of its own (local transverse Mercator)."""
    import geopandas
    import numpy as np
    import pyproj
    import shapely

    path = shared_data / "borders" / "osm_geo-maps_10m" / f"{border}.geojson"
    whole = shapely.unary_union(geopandas.read_file(path).geometry)
    middle = shapely.line_interpolate_point(
        max(shapely.get_parts(shapely.line_merge(whole)), key=lambda part: part.length), 0.3, normalized=True
    )
    near = shapely.box(middle.x - 0.12, middle.y - 0.05, middle.x + 0.12, middle.y + 0.05)
    piece = max(shapely.get_parts(shapely.line_merge(whole.intersection(near))), key=lambda part: part.length)
    geopandas.GeoSeries([piece], crs=4326).to_file(tmp_path / "border.geojson", driver="GeoJSON")
    plane = pyproj.Transformer.from_crs(
        4326, f"+proj=tmerc +lat_0={middle.y} +lon_0={middle.x} +k=1 +datum=WGS84 +units=m", always_xy=True
    )
    flat = shapely.transform(piece, lambda c: np.column_stack(plane.transform(c[:, 0], c[:, 1])))
    ring = flat.buffer(800).exterior
    sides = [shapely.line_interpolate_point(ring, share, normalized=True) for share in np.linspace(0, 1, 9)]
    status = 2
    for side in sides:
        lon, lat = plane.transform(side.x, side.y, direction="INVERSE")
        shutil.rmtree(tmp_path / "plan", ignore_errors=True)
        status = main(
            ["plan", "--border", str(tmp_path / "border.geojson"), "--own-side", f"{lat},{lon}", "--standoff-m", "200"]
            + [
                "--depth-m",
                "400",
                "--launch",
                f"{lat},{lon}",
                "--count",
                "3",
                "--out",
                str(tmp_path / "plan"),
                "--json",
            ]
        )
        if status in (0, 1):
            break
    assert status in (0, 1), capsys.readouterr().err
    legs = geopandas.read_file(tmp_path / "plan" / "legs.geojson")
    flown = legs[legs.kind != "failsafe"].geometry
    away = [
        shapely.transform(leg, lambda c: np.column_stack(plane.transform(c[:, 0], c[:, 1]))).distance(flat)
        for leg in flown
    ]
    assert len(away) > 3
    assert min(away) >= 200


def told(problems=(), unplaced=None, **counts):
    """Return what is told of a run in which nothing has a place."""
    from vedette.commands.ingest_view import why_nothing_placed

    terrain = counts.pop("terrain", "dem.tif sha256:0")
    counts = {"frames": 9, "frames_with_pose": 9, "hits": 0, "hits_placed": 0} | counts
    run = SimpleNamespace(run_id="1", settings={"terrain": terrain}, problems=problems, counts=counts)
    return why_nothing_placed([SimpleNamespace(done=SimpleNamespace(run=run), counts=counts)], lambda _: unplaced)


@pytest.mark.parametrize("hits", [0, 3])
def test_unknown_ground_is_said_whether_anything_was_found_or_not(hits):
    assert "ground is not known" in told(terrain="unknown", hits=hits)
    assert told() == ""


def test_terrain_that_reaches_nothing_is_said_though_nothing_was_found():
    assert "give terrain that covers it" in told(off_terrain=3, on_terrain=0)
    assert told(off_terrain=3, on_terrain=1) == ""


def test_what_many_pictures_have_in_common_is_said_once_and_last():
    from vedette.commands.ingest_view import gathered

    names = [f"{k}.jpg" for k in range(12)]
    folder = SimpleNamespace(paths=tuple(Path("card") / name for name in names))
    zone = "the picture states no zone: its clock was taken as UTC"
    problems = [*(f"{name}: {zone}" for name in names), "7.jpg: all angles are zero", "partial: 3 of 12"]
    assert gathered(problems, folder) == [
        "7.jpg: all angles are zero",
        "partial: 3 of 12",
        f"0.jpg and 11 others: {zone}",
    ]


def test_what_differs_in_its_numbers_alone_is_said_once():
    from vedette.commands.ingest_view import gathered

    clip = SimpleNamespace(paths=(Path("a.ts"),))
    skipped = [f"{k} bytes at byte {91 * k} belong to no KLV set" for k in range(2, 30)]
    told = gathered([*skipped, "camera and aircraft point 88 degrees apart"], clip)
    assert told == [f"{skipped[0]} (and 27 more like it)", "camera and aircraft point 88 degrees apart"]


def test_hits_without_a_place_are_counted_by_their_reason():
    why = told(hits=5, unplaced={"above horizon": 1, "no field of view": 4})
    assert why.startswith("no hit could be placed (4 hits: no field of view is known; state --camera")
    assert why.endswith("1 hit: above horizon)")


def test_the_reason_given_for_no_pose_is_the_one_that_took_it():
    zone = "the camera's clock states no zone; its local time was taken as UTC; state the zone"
    angles = (
        "a.SRT has positions only, and says nothing of where the camera looks; state it with --mount YAW,PITCH,ROLL"
    )
    why = told(problems=(zone, angles), frames_with_pose=0)
    assert why == f"no frame has a pose, so nothing can be placed: {angles}, and --redo"
    assert "--track FILE" in told(frames_with_pose=0), "where no problem tells it, all that can be stated is listed"
