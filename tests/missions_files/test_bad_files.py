"""Files that are broken, hostile or something else: one sentence that names the file, in bounded time and memory."""

from __future__ import annotations

import json
import os
import random
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo.errors import InputError
from missions.checks.check import check_document
from missions.documents.whole_file import MAX_BYTES
from missions.plan_files.dialect import Dialect
from missions.plan_files.plan_document import document_from_sortie
from missions.plan_files.plan_file import WRITABLE, parse_plan, read_plan_file, write_plan_file

WPL = "QGC WPL 110\n0\t1\t0\t16\t0\t0\t0\t0\t50\t8\t200\t1\n1\t0\t3\t22\t0\t0\t0\t0\t50\t8\t30\t1\n"
KML = (
    '<?xml version="1.0" encoding="{}"?><kml><name>Grüße</name><LineString><coordinates>8,50 9,51</coordinates>'
    "</LineString></kml>"
)


def refused(path):
    with pytest.raises(InputError, match=path.name[:30]) as error:
        read_plan_file(path)
    message = error.value.message
    assert len(message.splitlines()) == 1
    assert len(message) < 600
    return message


BAD = {
    "empty.plan": (b"", "the file is empty"),
    "blank.plan": (b" \n\t\n", "the file is empty"),
    "deep.plan": (b"[" * 100_000, "nested far too deep"),
    "deep_objects.plan": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "nested far too deep"),
    "deep.kml": (b"<a>" * 20_000 + b"</a>" * 20_000, "nested deeper than 100"),
    "nan.plan": (b'{"fileType":"Plan","version":NaN}', "NaN is not a JSON number"),
    "infinity.plan": (b'{"version":-Infinity}', "-Infinity is not a JSON number"),
    "digits.plan": (b'{"version":' + b"9" * 5000 + b"}", "a number has thousands of digits"),
    "half.plan": (b'{"fileType": "Plan", "mission"', "is not JSON: Expecting ':' delimiter at line 1, column 31"),
    "entity.kml": (b'<!DOCTYPE k [<!ENTITY a "b">]><kml>&a;</kml>', "declares a document type"),
    "outside.gpx": (
        b'<!DOCTYPE k [<!ENTITY x SYSTEM "file:///etc/passwd">]><gpx>&x;</gpx>',
        "declares a document type",
    ),
    "picture.plan": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "byte 0 is not text"),
    "archive.plan": (b"PK\x03\x04garbage", "the archive is damaged"),
    "words.plan": (b"lorem ipsum", "is no plan file; readable are"),
    "nul.waypoints": (WPL.encode() + b"\0\0", "line 4 has 1 fields; 12 are needed"),
    "wide.csv": (b'latitude,longitude,altitude(m)\n"' + b"x" * 200_000 + b'",1,1\n', "is not CSV"),
}


@pytest.mark.parametrize("name", BAD)
def test_each_kind_of_bad_file_is_refused_in_a_sentence(tmp_path, name):
    data, said = BAD[name]
    (tmp_path / name).write_bytes(data)
    assert said in refused(tmp_path / name)


def test_folders_pipes_devices_and_missing_files_are_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.plan")
    (tmp_path / "folder.plan").mkdir()
    assert "is a pipe or a device" in refused(tmp_path / "pipe.plan")
    assert "is a folder" in refused(tmp_path / "folder.plan")
    assert "No such file" in refused(tmp_path / "none.plan")
    assert "File name too long" in refused(tmp_path / ("x" * 300 + ".plan"))


def test_a_file_over_the_limit_is_not_read(tmp_path):
    with (tmp_path / "large.plan").open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)
    assert "over the limit" in refused(tmp_path / "large.plan")


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([("doc.kml", b" " * (MAX_BYTES + 1))], "unpacks to more than"),
        ([("../../x.kml", b"<kml/>")], "points outside the archive"),
        ([("/etc/x.kml", b"<kml/>")], "points outside the archive"),
        ([("c:\\..\\x.kml", b"<kml/>")], "points outside the archive"),
        ([("a.txt", b"")], "holds no .kml document"),
        ([(f"{n}.kml", b"<kml/>") for n in range(1001)], "1001 files in the archive"),
    ],
)
def test_archives_that_are_bombs_or_traps(tmp_path, members, said):
    with zipfile.ZipFile(tmp_path / "x.kmz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    assert said in refused(tmp_path / "x.kmz")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("bom.waypoints", b"\xef\xbb\xbf" + WPL.encode()),
        ("windows.waypoints", WPL.replace("\n", "\r\n").encode()),
        ("mac.waypoints", WPL.replace("\n", "\r").encode()),
        ("utf16.waypoints", WPL.encode("utf-16")),
        ("wrong.kml", WPL.encode()),
        ("latin.kml", KML.format("ISO-8859-1").encode("latin-1")),
        ("utf16.kml", KML.format("UTF-16").encode("utf-16")),
        ("wrong.plan", KML.format("UTF-8").encode()),
    ],
)
def test_encodings_line_ends_and_wrong_names_are_read(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    assert len(read_plan_file(tmp_path / name).items) in (1, 2)


def test_what_a_link_cannot_carry_is_refused_in_every_format(tmp_path, sortie):
    document = document_from_sortie(sortie, "px4")
    for ending in (".plan", ".waypoints", ".kml", ".geojson", ".gpx"):
        path = tmp_path / f"x{ending}"
        write_plan_file(document, path)
        text = path.read_text()
        for was, now in (("50.001", "950.001"), ("80.0", "1e300")):
            path.write_text(text.replace(was, now))
            refused(path)


SEEDS = ("x.plan", "x.waypoints", "x.kml", "x.geojson", "x.gpx", "x.csv", "x.fence", "x.rally")
ODD = (None, True, False, -1, 10**30, 1e308, 5e-324, 65_536, 3.5, "", "NaN", [], {}, [[]], [0, 0], [91, 181], {"a": 1})
WORDS = (
    "nan",
    "inf",
    "1e308",
    "-1",
    "65536",
    "3.7",
    "91",
    "-181",
    "x",
    "",
    "22",
    "177",
    "1000",
    "5001",
    "5003",
    "5100",
)


@pytest.fixture
def samples(tmp_path, sortie):
    document = document_from_sortie(sortie, "px4")
    for name in SEEDS:
        write_plan_file(document, tmp_path / name)
    return {name: (tmp_path / name).read_bytes() for name in SEEDS}


def _odd_json(data, rng):
    top = json.loads(data)
    places = []

    def walk(value):
        for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
            places.append((value, key))
            walk(value[key])

    walk(top)
    holder, key = rng.choice(places)
    if isinstance(holder, dict) and rng.random() < 0.3:
        del holder[key]
    else:
        holder[key] = rng.choice(ODD)
    return json.dumps(top).encode()


def _odd_word(data, rng):
    joint = "\t" if b"\t" in data else "," if b"," in data and b"<" not in data else ">"
    words = data.decode().split(joint)
    words[rng.randrange(len(words))] = rng.choice(WORDS) + ("</value" if joint == ">" else "")
    return joint.join(words).encode()


def _odd_bytes(data, rng):
    held = bytearray(data)
    for _ in range(rng.choice((1, 3))):
        held[rng.randrange(len(held))] ^= 1 << rng.randrange(8)
    return bytes(held[: rng.choice((len(held), rng.randrange(len(held))))])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(SEEDS), seed=st.integers(0, 2**32))
def test_a_damaged_file_is_read_judged_and_written_or_refused(tmp_path, samples, name, seed):
    rng = random.Random(seed)
    data = samples[name]
    structured = _odd_json if data.lstrip().startswith(b"{") else _odd_word
    damaged = rng.choice((structured, structured, _odd_bytes))(data, rng)
    try:
        document = parse_plan(damaged, where=name)
    except InputError as error:
        assert name in error.message  # noqa: PT017 - either outcome is right
        return
    for dialect in Dialect:
        check_document(document, name=name, dialect=dialect)
    for ending in WRITABLE:
        try:
            write_plan_file(document, tmp_path / f"out{ending}")
        except InputError as error:
            assert any(word in error.message for word in ("out", "Litchi", "wayline"))  # noqa: PT017
            continue
        read_plan_file(tmp_path / f"out{ending}")
