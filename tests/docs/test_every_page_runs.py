"""Each page's command lines do what the page says, run as a reader runs them; what is set apart is named with why."""

from __future__ import annotations

import shutil

import pytest

from tests.docs.pages import Page, walk

PROMPT = "asks at a terminal: tests/vedette/test_keeping.py"
PEER = "needs a server or a vehicle of its own"

PLANNING = [
    Page(
        path="docs/how-to/plan-a-patrol.md",
        apart={"--template": "would take the place of the folder's brief"},
        status={"--border": 1},
    ),
    Page(
        path="docs/how-to/check-a-plan.md",
        apart={"make-a-plan": "a program of the reader's"},
        status={"--vehicle fixed_wing": 1, "--params": 1, "mission.waypoints": 1},
    ),
    Page(path="docs/how-to/respond.md"),
    Page(path="docs/how-to/search-an-area.md"),
]
READING = [
    Page(
        path="docs/how-to/klv.md",
        apart={
            "00000042.BIN": "a log and a film of one flight: tests/telemetry/recordings/test_klv_clip.py",
            "vmti": "a film with things in it: tests/vedette/test_export.py",
        },
        status={"klv check": 1},
    ),
    Page(path="docs/how-to/tracks.md", apart={"udp:": PEER}, status={"flight.csv": 1, ".parquet": 1, ".kml": 1}),
    Page(path="docs/how-to/locate.md"),
    Page(
        path="docs/how-to/review-an-operation.md",
        apart={"migrate": "an operation of the first format: tests/operations/test_migration.py"},
        status={"thermal-pictures": 1},  # its picture was taken where dem.tif does not reach, and shows something
    ),
]
KEEPING = [
    Page(
        path="docs/how-to/keep-and-verify.md",
        apart={
            "secret-tool": "a password store",
            "--head paper.head": "a head copied earlier: test_keys_and_anchors",
            "# asks": PROMPT,
            "rekey": "an encrypted operation: tests/vedette/test_keeping.py",
            "-closed": PROMPT,
            "--key-file /media/usb/night.key": "a new operation: tests/vedette/test_keeping.py",
            "laptop-1": "two laptops: tests/operations/test_merge.py",
        },
    ),
    Page(path="docs/how-to/retention.md", status={"erase night-1 --media": 3}),  # held: nothing is erased
]


def named(pages):
    return pytest.mark.parametrize("page", pages, ids=[page.path.rpartition("/")[2] for page in pages])


@pytest.mark.slow
@named(PLANNING)
def test_planning(page, folder, steppe):
    assert not (wrong := walk(page, folder(steppe))), "\n".join(wrong)


@pytest.mark.slow
@named(READING)
def test_reading(page, folder, steppe, recordings, kept):
    started = folder(recordings, kept)
    if page.path.endswith("review-an-operation.md"):
        shutil.rmtree(started / "night-1")
        started = folder(steppe, recordings)
    assert not (wrong := walk(page, started)), "\n".join(wrong)


@pytest.mark.slow
@named(KEEPING)
def test_keeping(page, folder, kept):
    assert not (wrong := walk(page, folder(kept))), "\n".join(wrong)


@pytest.mark.slow
def test_learning(folder, night):
    page = Page(path="docs/how-to/learn-from-nights.md", status={"--learn": 1})  # one aircraft keeps the guarantee only
    assert not (wrong := walk(page, folder(night))), "\n".join(wrong)
