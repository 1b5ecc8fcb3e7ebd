"""Strings of others (clips, classes, plans, scenarios, names) through the real commands, and every page opened."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import importlib.util
import io
import json
import os
import re
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import jinja2
import numpy as np
import pytest
import shapely

from geo.foreign_text import visible
from maps.page_file import inert_json, page_frame
from missions.airspace.ground_file import open_situation
from missions.briefs.brief_file import read_brief
from missions.plan import Finding, Severity
from missions.plan_files.plan_folder_file import plan_document, read_plan_folder
from missions.planned import Planned
from missions.sight.coverage import Coverage
from telemetry.klv import encode
from telemetry.videos.stream_writer_file import StreamWriter
from vedette.main import main

TEMPLATES = (
    "{{7*191}}",
    "{%raw%}",
    "{{cycler.__init__.__globals__.os.system('touch PWNED')}}",
    "${7*191}",
    "`+7*191+`",
)
MARKUP = ("<img src=x onerror=window.PWNED=1>", "<svg onload=window.PWNED=1>", "<!--<script>", "&lt;b&gt;", "]]>")
SCRIPTS = ("'+(window.PWNED=1)+'", '"+(window.PWNED=1)+"', "javascript:window.PWNED=1", "x:expression(window.PWNED=1)")
SCREENS = (
    "\x1b[31mred",
    "\x9b2J",
    "\u202egpj.exe",
    "a\u2028b",
    "[bold]b",
    "[link=x]l",
    ":smile:",
    "over\rwritten",
    "a\nb",
)
SHEETS = ("=HYPERLINK(1)", "@SUM(1)", "-1+1", "$x_1$")
CANARIES = (*TEMPLATES, *MARKUP, *SCRIPTS, *SCREENS, *SHEETS)
CLOSING = "</script><script>window.PWNED=1</script>"
"""No file's name can hold a slash; everything else is tried with it too."""
IN_A_NAME = "".join((*TEMPLATES, MARKUP[0], *SCREENS[:3], "[bold]b"))
FIRST_NS = 1_767_225_600_000_000_000
UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def plan_text(line):
    rows = ["0 1 0 16 0 0 0 0 48.0 9.0 500 1", "1 0 3 22 0 0 0 0 48.0 9.0 60 1", "2 0 3 16 0 0 0 0 48.01 9.0 60 1"]
    rows += [f"3 0 3 16 0 0 0 0 48.01 {9.02 + line * 1e-3} 80 1", "4 0 3 20 0 0 0 0 0 0 0 1"]
    return "QGC WPL 110\n" + "\n".join(row.replace(" ", "\t") for row in rows) + "\n"


def clip_of(path, rng):
    with StreamWriter(path, width_px=96, height_px=64, fps=Fraction(2)) as writer:
        for row in range(3):
            moment = FIRST_NS + row * 500_000_000
            pose = {2: moment // 1000, 5: 90.0, 90: 0.0, 91: 0.0, 13: 50.0, 14: 8.0 + row * 1e-4, 75: 300.0, 16: 32.0}
            pose |= {17: 22.0, 18: 0.0, 19: -45.0, 20: 0.0, 65: 19, 3: "=HYPERLINK(1)", 10: "[bold]b\x1b[31m"}
            writer.write(rng.integers(0, 255, (64, 96, 3), dtype=np.uint8), moment, encode(pose))


def model_of(path):
    """Write a detector with one class a canary, each found once in every picture."""
    spec = importlib.util.spec_from_file_location("small_models", Path(__file__).parents[1] / "detection/conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    classes = (*CANARIES, CLOSING)
    boxes = [(2 + 3 * k, 20 + k, 8 + 3 * k, 40 + k, 0.9, k) for k in range(len(classes))]
    metadata = {"names": repr(dict(enumerate(classes))), "task": "detect"}
    path.write_bytes(module.onnx_bytes([np.array([boxes], np.float32)], metadata=metadata))


def scenario_text(name):
    quoted = json.dumps(name)
    return (
        f"name = {quoted}\nabout = {quoted}\nspeedup = 0\n[origin]\nlat_deg = 47.385\nlon_deg = 112.59\n"
        f"alt_amsl_m = 1050.0\n[border]\nline_m = [[-1500, 0], [1500, 0]]\nstandoff_m = 150\n"
        f"[[zone]]\nname = {quoted}\nring_m = [[300, -300], [400, -300], [400, -200]]\nappears_s = 500\n"
        f'[[vehicle]]\nname = "one"\nhome_m = [0, -500]\nroute_m = [[-100, -400, 80], [100, -400, 80]]\n'
        '[[expect]]\nmetric = "landed"\nmin = 2\n'
    )


BRIEF = """
name = "b"
standoff = { asked_m = 200.0 }
corridor = { depth_m = 500.0 }
aircraft = { type = "quad-survey" }
border = { coordinates = [[48.0, 9.0], [48.0, 9.02]], own_side = "right" }
launch = [{ name = "-camp", lat_deg = 47.99, lon_deg = 9.01 }]
terrain = { flat_amsl_m = 0.0 }
"""


@dataclasses.dataclass
class Written:
    """Everything the commands wrote and said."""

    folder: Path
    pages: dict[str, Path]
    said: str
    status: dict[str, int]


FREE = {"name", "site", "sortie", "message", "rule", "relaxation", "advice", "aircraft"}


def renamed(value, name):
    """Return a plan in which every free text is another."""
    if isinstance(value, tuple):
        return tuple(renamed(one, name) for one in value)
    if not dataclasses.is_dataclass(value):
        return value
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    new = {key: name if key in FREE and isinstance(one, str) else renamed(one, name) for key, one in fields.items()}
    return dataclasses.replace(value, **{key: one for key, one in new.items() if one is not fields[key]})


NOTHING_SEEN = Coverage(watched=shapely.Polygon(), watched_m2=0.0, covered_pct=0.0, resolution_m=10.0, seen=(), gaps=())


def forge_plan(folder, name):
    """Write a plan whose hash holds and whose names are another's."""
    plan, brief = read_plan_folder(folder / "plan"), read_brief(folder / "brief.toml")
    placed = Finding(rule="r", severity=Severity.ERROR, message="m", sortie="s", lat_deg=48.0, lon_deg=9.0)
    findings = (placed, dataclasses.replace(placed, lat_deg=float("nan")))
    forged = renamed(dataclasses.replace(plan, findings=findings), name)
    known = Planned(plan=plan, coverage=NOTHING_SEEN, proof=None, situation=open_situation(brief))
    document = plan_document(known) | {"sha256": forged.sha256, "plan": dataclasses.asdict(forged)}
    (folder / "forged").mkdir()
    (folder / "forged" / "plan.json").write_text(json.dumps(document))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("foreign")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return in_folder(folder)


def in_folder(folder):
    rng = np.random.default_rng(3)
    (folder / "plans").mkdir()
    for number, canary in enumerate((*CANARIES, IN_A_NAME)):
        (folder / "plans" / f"{canary}.waypoints").write_text(plan_text(number))
    (folder / "plans" / os.fsdecode(b"\xff.waypoints")).write_text(plan_text(0))
    (folder / "broken").mkdir()
    (folder / "broken" / f"{IN_A_NAME}.plan").write_text("{")
    clip = folder / f"{IN_A_NAME}.ts"
    clip_of(clip, rng)
    model_of(folder / "model.onnx")
    (folder / "scenario.toml").write_text(scenario_text(IN_A_NAME.replace("\n", "") + CLOSING))
    (folder / "brief.toml").write_text(BRIEF)
    actor = ("--actor", CLOSING + IN_A_NAME)
    why = ("--case", CLOSING + IN_A_NAME, "--reason", CLOSING)
    search = ["search", "expanding-square", "--at", "47.993,9.01", "--swath-m", "80", "--brief", "brief.toml"]
    ingest = ["ingest", clip.name, "--out", "op", "--model", "model.onnx", "--flat-alt-amsl-m", "50", *actor]
    commands = {
        "plan": ["plan", "brief.toml", "--out", "plan"],
        "search": [*search, "--out", "search"],
        "check": ["check", "plans", "broken", "--map", "check.html", "--junit", "check.xml"],
        "ingest": [*ingest, "--name", CLOSING + IN_A_NAME],
        "map": ["map", "op", "--brief", "brief.toml", "--plan", "forged", "--frames", "3", *why, *actor],
        "verify": ["verify", "op"],
        "sitl": ["sitl", "run", "scenario.toml", "--map", "replay", "--junit", "sitl.xml"],
        "track": ["track", clip.name, "--out", "track.kml"],
        "gpx": ["track", clip.name, "--out", "track.gpx"],
        "dump": ["klv", "dump", clip.name],
        "csv": ["klv", "dump", clip.name, "--csv"],
        "wrong": ["check", "--" + IN_A_NAME],
        "unknown": [IN_A_NAME],
    }
    for ending in ("kml", "gpx", "geojson", "plan", "csv"):
        commands[f"to {ending}"] = ["convert", f"plans/{IN_A_NAME}.waypoints", f"{IN_A_NAME}.{ending}"]
    status, said = {}, io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        for what, arguments in commands.items():
            if what == "map":
                forge_plan(folder, CLOSING + IN_A_NAME)
            said.write(f"\n== {what}\n")
            status[what] = main(arguments)
    pages = {name: folder / f"{name}.html" for name in ("check", "op")}
    pages |= {name: folder / name / "map.html" for name in ("plan", "search")}
    (pages["replay"],) = (folder / "replay").glob("*.html")
    return Written(folder=folder, pages=pages, said=said.getvalue(), status=status)


def as_class(name):
    """A class name as it is taken from a model: what is no visible character is left out there already."""
    return "".join(character for character in name if character.isprintable()).strip()


PAGES = ("check", "op", "plan", "search", "replay")
MET = {"plan": 0, "search": 0, "check": 2, "ingest": 0, "map": 0, "verify": 0, "sitl": 1, "track": 0, "gpx": 0}
SHOWN = {
    "check": {*(f"{one}.waypoints" for one in (*CANARIES, IN_A_NAME)), "\udcff.waypoints"},
    "op": {*map(as_class, CANARIES), CLOSING, CLOSING + IN_A_NAME, f"{IN_A_NAME}.ts"},
    "replay": {IN_A_NAME + CLOSING},
}
"""What each page must show; the names in briefs are refused, so plans and searches made of them carry none."""


def data_of(page):
    """Return the JSON text of a page, which otherwise is the frame to the byte, and base64 that nothing runs."""
    text = page.read_bytes().decode()
    frame = page_frame()
    assert text.startswith(frame.before)
    assert text.endswith(frame.after)
    first, later = text[len(frame.before) : len(text) - len(frame.after)].split(frame.opening)
    data, blocks = first.split("</script>", 1)
    rest = re.sub(
        r'<script type="text/plain" id="vedette-(first|later)-\d">[A-Za-z0-9+/= ]*</script>\n', "", blocks + later
    )
    assert rest == ""
    return data.removeprefix('<script type="application/json" id="vedette-data">')


def strings_of(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (one for pair in value.items() for part in pair for one in strings_of(part))
    elif isinstance(value, list):
        yield from (one for part in value for one in strings_of(part))


def test_the_commands_did_their_work(written):
    assert {what: written.status[what] for what in MET} == MET
    assert not list(written.folder.rglob("PWNED*"))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_our_frame_and_json_that_nothing_takes_for_its_own(written, name):
    text = data_of(written.pages[name])
    assert not set("<>&`$%'") & set(text)
    assert not UNSAFE.search(text)
    assert "{{" not in text.replace("\\", "")
    assert jinja2.Environment(autoescape=False).from_string(text).render() == text
    strings = [*strings_of(json.loads(text))]
    whole = "\n".join(strings)
    assert [one for one in SHOWN.get(name, ()) if visible(one) not in whole and one not in whole] == []


def test_the_terminal_gets_text_alone(written):
    assert not UNSAFE.search(written.said.replace("\r\n", "\n"))
    for shown in (*(f"plans/{visible(one)}.waypoints: QGC" for one in CANARIES), "written to track.kml"):
        assert shown in written.said
    assert written.said.count("[bold]b") > 10
    assert "Traceback" not in written.said


def test_a_spreadsheet_runs_nothing(written):
    cells = [
        cell
        for row in csv.reader(written.said.partition("== csv\n")[2].partition("==")[0].splitlines())
        for cell in row
    ]
    assert cells.count("'=HYPERLINK(1)") == 3
    with (written.folder / "plan" / "schedule.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["site"] for row in rows} == {"'-camp"}


def test_every_xml_file_is_well_formed_and_keeps_the_name(written):
    told = {"check.xml": 0, "sitl.xml": 0, "track.kml": 0, "track.gpx": 0, f"{IN_A_NAME}.kml": 0, f"{IN_A_NAME}.gpx": 0}
    for name in told:
        root = ElementTree.parse(written.folder / name).getroot()
        texts = [text for one in root.iter() for text in (one.text or "", *one.attrib.values())]
        told[name] = sum("os.system('touch PWNED')}}${7*191}`+7*191+`<img src=x onerror" in text for text in texts)
        assert not any(UNSAFE.search(text) for text in texts if name.startswith("track"))
    assert all(told.values()), told


EVERYTHING = """() => {
  const map = window[document.querySelector(".folium-map").id];
  const at = { latlng: map.getCenter(), containerPoint: L.point(-999, -999) };
  const labels = [...document.querySelectorAll("label")].map((label) => label.textContent);
  const shown = [document.title, document.body.innerText, ...labels];
  const popup = () => {
    const open = [...document.querySelectorAll(".leaflet-popup")].pop();
    if (open) shown.push(open.innerText);
    map.closePopup();
  };
  map.eachLayer((layer) => {
    if (layer.listens && layer.listens("click")) { layer.fire("click", at); popup(); }
    const tip = layer.getTooltip && layer.getTooltip();
    if (tip) { layer.openTooltip(at.latlng); shown.push(tip.getElement().innerText); layer.closeTooltip(); }
  });
  if (vedette.desk_) {
    const { op } = vedette.desk_, told = (node) => node.getAttribute("aria-label") || node.textContent;
    const said = () => shown.push(document.body.innerText, ...[...document.querySelectorAll("[aria-label]")].map(told));
    for (let key = 0; key < op.count + op.hits.count; key++) { vedette.desk_.select(key); said(); }
    for (const tab of document.querySelectorAll("[role=tab]")) { tab.click(); said(); }
  }
  return shown.join("\\n");
}"""
WATCH = "addEventListener('securitypolicyviolation', (e) => console.log('policy ' + e.violatedDirective))"
PHONE = {"viewport": {"width": 412, "height": 839}, "device_scale_factor": 2.6, "is_mobile": True, "has_touch": True}
SCREEN = {"viewport": {"width": 1280, "height": 800}}


@contextlib.contextmanager
def opened(browser, path, form):
    """Open a page offline; give it with everything it asked for, said and tried."""
    context = browser.new_context(offline=True, **form)
    page = context.new_page()
    page.set_default_timeout(180_000)
    page.set_default_navigation_timeout(180_000)
    seen = []
    page.on("request", lambda request: seen.append(f"request {request.url}"))
    page.on("console", lambda message: seen.append(f"console {message.text}"))
    page.on("pageerror", lambda error: seen.append(f"error {error}"))
    page.on("dialog", lambda dialog: seen.append(f"dialog {dialog.message}"))
    page.add_init_script(
        "addEventListener('securitypolicyviolation', (e) => console.log('policy ' + e.violatedDirective))"
    )
    page.goto(path.as_uri())
    page.wait_for_selector("body[data-ready='1']", state="attached")
    yield page, seen
    context.close()


@pytest.mark.browser
@pytest.mark.parametrize(("name", "form"), [*((name, SCREEN) for name in PAGES), ("op", PHONE)])
def test_a_browser_shows_every_string_and_runs_none(browser, written, name, form):
    path = written.pages[name]
    with opened(browser, path, form) as (page, seen):
        shown = page.evaluate(EVERYTHING)
        assert [one for one in seen if not one.startswith(("request file:", "request data:"))] == []
        assert sum(one.startswith("request file:") for one in seen) == 1
        assert page.evaluate("window.PWNED") is None
        assert page.evaluate("document.querySelectorAll('img[src=x], svg[onload], .folium-map script').length") == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= form["viewport"]["width"]
    assert "1337" not in shown
    flat = " ".join(shown.split())
    assert [one for one in SHOWN.get(name, ()) if " ".join(shown_as(one).split()) not in flat] == []
    assert not list(written.folder.rglob("PWNED*"))


def shown_as(text):
    """Return what a page shows: line breaks are white space there, everything else is visible."""
    return re.sub(r"[\n\r]", " ", "".join(one if one in "\n\r" else visible(one) for one in text))


@pytest.mark.browser
def test_a_card_opens_on_the_screen_of_a_phone(browser, written):
    with opened(browser, written.pages["op"], PHONE) as (page, _):
        page.evaluate("vedette.desk_.select(3)")
        box = page.locator(".vedette-card-panel").bounding_box()
        wide, high = PHONE["viewport"]["width"], PHONE["viewport"]["height"]
        assert box["height"] > 100
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= wide
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= high


@pytest.mark.browser
def test_the_policy_stops_what_the_frame_did_not_bring(browser, written, tmp_path):
    """Even a page somebody changed runs no script and asks for nothing that its policy does not name."""
    text = written.pages["op"].read_text(encoding="utf-8")
    for number, evil in enumerate(
        (CLOSING, MARKUP[0], "<style>body{display:none}</style>", "<script src=http://127.0.0.1:9/x></script>")
    ):
        path = tmp_path / f"{number}.html"
        path.write_text(text.replace("<body>", f"<body>{evil}"), encoding="utf-8")
        with opened(browser, path, SCREEN) as (page, seen):
            assert page.evaluate("window.PWNED") is None
            assert any("Content Security Policy" in one or one.startswith("console policy") for one in seen)
            assert page.evaluate("getComputedStyle(document.body).display") != "none"


def test_any_text_comes_back_from_inert_json_as_it_is_shown():
    import hypothesis
    from hypothesis import strategies

    @hypothesis.given(strategies.text() | strategies.text("\\u01b{}%<>&`$'\"\x1b\u202e\ud800\n\x7f"))
    def holds(text):
        read = json.loads(inert_json({"a": [text], f"b{text}": 1}))["a"][0]
        kept = "\n\r\t"
        assert read == "".join(one if one in kept else visible(one) for one in text)

    holds()
