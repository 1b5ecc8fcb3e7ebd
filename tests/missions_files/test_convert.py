"""From any format to any other: what is kept, and a sentence for everything that is not."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import resource

import pytest

from geo.errors import InputError
from missions.plan_files.dialect import Dialect
from missions.plan_files.losses import losses
from missions.plan_files.plan_document import ComplexItem, Home, PlanDocument, document_from_sortie
from missions.plan_files.plan_file import read_plan_file, write_plan_file
from vedette.main import main

FORMATS = (".plan", ".waypoints", ".kml", ".geojson", ".gpx", ".csv", ".fence", ".rally")


@pytest.fixture
def rich(sortie, make_item):
    """Return a plan with something of everything: raw parameters 5 to 7, unset values, fence, rally, jump."""
    more = (
        make_item(6, 1000, p1=-30.0, p2=45.5, p3=math.nan, p4=math.nan),
        make_item(7, 203, p1=1.0),
        make_item(8, 16, lat=50.0005, lon=8.0005, alt=70.25, p1=5.0, p2=2.0, p4=math.nan),
    )
    flags = dataclasses.replace(more[0], lat_deg=12.0, alt_m=1.0)
    shot = dataclasses.replace(more[1], lat_deg=1.0)
    items = (*sortie.items[:-1], flags, shot, more[2], sortie.items[-1])
    numbered = tuple(dataclasses.replace(item, seq=n) for n, item in enumerate(items))
    return document_from_sortie(dataclasses.replace(sortie, items=numbered), "px4", vehicle_type=2)


def same(was, now):
    return was == now or (isinstance(was, float) and math.isnan(was) and math.isnan(now))


def lists(document):
    return {"items": document.items, "fence": document.fence, "rally": document.rally}


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(FORMATS, 2)))
def test_whatever_two_formats_lose_between_them_was_said(tmp_path, rich, first, second):
    try:
        write_plan_file(rich, tmp_path / f"a{first}")
        source = read_plan_file(tmp_path / f"a{first}")
        said = write_plan_file(source, tmp_path / f"b{second}")
    except InputError as error:
        assert "holds 1 to 99 waypoints" in error.message or "nothing" in error.message or "has no" in error.message  # noqa: PT017
        return
    back = read_plan_file(tmp_path / f"b{second}")
    text = " ".join(said)
    for name, held in lists(source).items():
        now = lists(back)[name]
        if name == "items" and ".csv" in second:
            continue
        if len(held) != len(now):
            assert f"{len(held)} " in text
            assert {"items": "mission items", "fence": "fence items", "rally": "rally points"}[name] in text
            continue
        for number, (was, is_now) in enumerate(zip(held, now, strict=True), start=1):
            for field in ("command", "p1", "p2", "p3", "p4", "lat_deg", "lon_deg", "alt_m"):
                a, b = getattr(was, field), getattr(is_now, field)
                if not same(a, b) and not (field in ("lat_deg", "lon_deg") and {a, b} <= {0.0}) and abs(a - b) > 1e-6:
                    assert str(number) in text, (first, second, name, number, field, a, b)
    for what, word in (("home", "home"), ("dialect", "px4"), ("vehicle_type", "vehicle type")):
        if getattr(source, what) and not getattr(back, what):
            assert word in text


@pytest.mark.parametrize("ending", [".plan", ".waypoints", ".kml", ".geojson", ".gpx"])
def test_raw_parameters_5_to_7_survive_every_format_that_holds_items(tmp_path, rich, ending):
    write_plan_file(rich, tmp_path / f"x{ending}", "px4")
    back = read_plan_file(tmp_path / f"x{ending}", "px4")
    gimbal, shot = back.items[5], back.items[6]
    assert (gimbal.command, gimbal.lat_deg, gimbal.alt_m, gimbal.p2) == (1000, 12.0, 1.0, 45.5)
    assert (shot.command, shot.lat_deg) == (203, 1.0)
    assert math.isnan(gimbal.lon_deg)
    assert math.isnan(gimbal.p3)


def test_equal_losses_share_a_sentence(make_item):
    rows = tuple(make_item(n, 16, lat=50.0, lon=8.0, alt=40.0, p4=math.nan) for n in range(5))
    document = PlanDocument(source_format="t", dialect=None, home=None, items=rows)
    changed = tuple(dataclasses.replace(r, p4=0.0) if r.seq != 3 else r for r in rows)
    assert losses(document, dataclasses.replace(document, items=changed)) == (
        "items 1-3, 5: parameter 4 (unset) becomes 0",
    )


def test_a_pattern_that_becomes_plain_items_is_said(tmp_path, rich):
    pattern = ComplexItem(kind="survey", version=5, first_item=2, item_count=2, geometry_lonlat=())
    said = write_plan_file(dataclasses.replace(rich, complexes=(pattern,)), tmp_path / "x.kml")
    (sentence,) = said
    assert sentence.startswith("the survey of items 3 to 4 is kept as these items alone")


def test_a_plan_without_mission_is_not_written_as_a_route(tmp_path, make_item):
    rally = (make_item(0, 5100, lat=50.0, lon=8.0),)
    document = PlanDocument(source_format="test", dialect=None, home=None, items=(), rally=rally)
    with pytest.raises(InputError, match=r"x\.gpx: the plan has no mission"):
        write_plan_file(document, tmp_path / "x.gpx")
    empty = dataclasses.replace(document, rally=())
    with pytest.raises(InputError, match=r"x\.kml: the plan is empty"):
        write_plan_file(empty, tmp_path / "x.kml")
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_a_plan_file_must_have_is_not_made_up_silently(tmp_path, make_item):
    items = (make_item(0, 16, lat=50.0, lon=8.0, alt=50.0),)
    document = PlanDocument(source_format="test", dialect=Dialect.PX4, home=None, items=items)
    (said,) = write_plan_file(document, tmp_path / "x.plan")
    assert said == "the plan has no home and this format must have one; 50.0000000, 8.0000000 at 0 m stands for it"


def test_kml_and_geojson_keep_whose_plan_it_is(tmp_path, rich):
    for ending in (".kml", ".geojson"):
        assert write_plan_file(rich, tmp_path / f"x{ending}") == ()
        back = read_plan_file(tmp_path / f"x{ending}")
        assert (back.dialect, back.vehicle_type, back.cruise_speed_mps) == (Dialect.PX4, 2, 12.0)
        assert back.home == Home(lat_deg=50.0, lon_deg=8.0, alt_amsl_m=212.0)


def test_foreign_plan_fields_are_refused_with_their_place(tmp_path, rich):
    write_plan_file(rich, tmp_path / "x.geojson")
    top = json.loads((tmp_path / "x.geojson").read_text())
    for key, value in (("autopilot", "betaflight"), ("vehicle_type", "x"), ("cruise_speed_mps", "fast")):
        (tmp_path / "y.geojson").write_text(json.dumps(top | {"plan": {key: value}}))
        with pytest.raises(InputError, match=r"y\.geojson"):
            read_plan_file(tmp_path / "y.geojson")


def test_the_command_says_each_loss_and_its_status(capsys, tmp_path, rich):
    write_plan_file(rich, tmp_path / "a.plan")
    assert main(["convert", str(tmp_path / "a.plan"), str(tmp_path / "b.kml")]) == 0
    assert main(["convert", str(tmp_path / "a.plan"), str(tmp_path / "b.waypoints"), "--dialect", "ardupilot"]) == 1
    out = capsys.readouterr().out
    assert "items 3, 6, 8: parameter 4 (unset) becomes 0" in out
    assert "5 fence items have no place in this format; left out" in out


def test_a_folder_is_converted_whole_and_what_cannot_be_used_is_named(tmp_path, capsys, sortie):
    source = tmp_path / "in"
    source.mkdir()
    document = document_from_sortie(sortie, "ardupilot")
    write_plan_file(document, source / "a.plan")
    write_plan_file(document, source / "a.kml")
    write_plan_file(document, source / "b.gpx")
    assert main(["convert", str(source), str(tmp_path / "out"), "--to", "kmz"]) == 1
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a-plan.kmz", "a.kmz", "b.kmz"]
    (source / "c.plan").write_text("{}")
    assert main(["convert", str(source), str(tmp_path / "more"), "--to", ".geojson"]) == 2
    assert "c.plan" in capsys.readouterr().err
    assert len(list((tmp_path / "more").iterdir())) == 3
    assert main(["convert", str(source), str(tmp_path / "x.kml")]) == 2
    assert "say with --to" in capsys.readouterr().err


def test_a_file_that_is_there_is_replaced_only_by_request(tmp_path, capsys, rich):
    source, out = tmp_path / "a.plan", tmp_path / "b.kml"
    write_plan_file(rich, source)
    out.write_text("somebody's own file")
    assert main(["convert", str(source), str(out)]) == 3
    assert f"{out} is there already" in capsys.readouterr().err.replace("\n", "")
    assert out.read_text() == "somebody's own file"
    assert main(["convert", str(source), str(out), "--force"]) == 0
    assert out.read_text().startswith("<?xml")


def test_a_disk_that_fills_up_is_named_and_the_old_file_stays(tmp_path, capsys, rich):
    source, out = tmp_path / "a.plan", tmp_path / "b.kml"
    write_plan_file(rich, source)
    out.write_text("the old one")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, hard))
    try:
        status = main(["convert", str(source), str(out), "--force"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert status == 2
    assert str(out) in capsys.readouterr().err.replace("\n", "")
    assert out.read_text() == "the old one"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.plan", "b.kml"]
