"""Training, exporting and opening `.pt` files with the real ultralytics: gated, and without a single socket."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.yolo
ROOT = Path(__file__).resolve().parents[3]

WATCHED = """
import json, sys
seen = []
def watch(event, args):
    if event.startswith("socket.") and event not in ("socket.__new__", "socket.gethostname"):
        seen.append([event, repr(args[1:])])
    if event in ("subprocess.Popen", "os.system", "os.posix_spawn") and "pip" in repr(args):
        seen.append([event, repr(args)])
sys.addaudithook(watch)
from pathlib import Path
"""


@pytest.fixture(autouse=True)
def needs_ultralytics() -> None:
    if importlib.util.find_spec("ultralytics") is None:  # importing it here would call home
        pytest.skip("ultralytics is not installed (extra yolo)")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    for part in ("images", "labels"):
        (folder / part / "train").mkdir(parents=True)
    for number in range(2):
        image = np.full((96, 96, 3), 60, dtype=np.uint8)
        image[30:60, 40:52] = 240
        Image.fromarray(image).save(folder / "images" / "train" / f"{number}.png")
        (folder / "labels" / "train" / f"{number}.txt").write_text("0 0.479 0.469 0.125 0.3125\n")
    data = folder / "data.yaml"
    data.write_text("path: .\ntrain: images/train\nnames: [person]\n")
    return data


def run_child(code: str, tmp_path: Path) -> dict[str, object]:
    """Run code in a fresh process that writes down every use of the network, and return what it printed as JSON."""
    environment = os.environ | {
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    for name in [key for key in environment if key.startswith(("YOLO_", "PYTEST"))]:
        del environment[name]
    done = subprocess.run(
        [sys.executable, "-c", WATCHED + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env=environment,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.timeout(600)
def test_a_training_resumes_exports_and_detects_without_a_socket(tmp_path: Path, pictures: Path) -> None:
    """One step, a stop, another step from the checkpoint, export, `.pt` prediction: nothing calls home or installs."""
    found = run_child(
        f"""
        from detection.training.crops import CropSource
        from detection.training.loop import Pace, Training, averaged_network
        from detection.training.network import make_network
        from detection.training.checkpoint_file import read_checkpoint
        from detection.training.onnx_export_file import export_network
        from detection.training.pictures_file import read_pictures
        from detection.training.recipe import Recipe
        from detection.model_manifest_file import trust
        from detection.model_file import load_detector
        import numpy as np, torch
        out = Path({str(tmp_path)!r}) / "run"
        recipe = Recipe(steps=3, batch=2, size_px=64, warmup_steps=1)
        source = CropSource(read_pictures(Path({str(pictures)!r})), [], recipe)
        losses = []
        def stop(at):
            losses.append(at.loss)
            if at.step == 1:
                raise KeyboardInterrupt
        run = Training(out, recipe, start=None, sources={{}}, pace=Pace(threads=1))
        try:
            run.run(source, stop)
        except KeyboardInterrupt:
            pass
        again = Training(out, recipe, start=None, sources={{}}, pace=Pace(threads=1))
        taken_up = again.step
        again.run(source, stop)
        network = averaged_network(read_checkpoint(again.path))
        begun = make_network(again.path).state_dict()
        same = all(torch.equal(begun[name], value) for name, value in network.state_dict().items())
        torch.save({{"model": network}}, out / "mine.pt")
        trust(out / "mine.pt")
        written = export_network(network, out / "m.onnx", width_px=64, height_px=64)
        picture = np.full((96, 96, 3), 60, dtype=np.uint8)
        kinds = []
        for path in (written, out / "mine.pt"):
            detector, described = load_detector(path)
            detector.detect([picture])
            kinds.append([list(detector.class_names), described.split()[0]])
        print(json.dumps({{"seen": seen, "losses": losses, "taken_up": taken_up, "kinds": kinds, "same": same}}))
        """,
        tmp_path,
    )
    assert found["seen"] == []
    assert found["taken_up"] == 1
    assert found["same"]  # a finished training can be started from
    assert len(found["losses"]) == 3
    assert all(np.isfinite(found["losses"]))
    names = ["person", "vehicle", "bicycle"]
    assert found["kinds"] == [[names, "m.onnx"], [names, "mine.pt"]]


def test_planted_pickles_in_a_training_folder_are_never_opened(tmp_path: Path) -> None:
    """`last.pt`, `best.pt` and a pickle as checkpoint or start: refused, or not looked at."""
    found = run_child(
        f"""
        import pickle
        from detection.errors import UntrustedModelError, ModelError
        from detection.training.loop import Training
        from detection.training.recipe import Recipe
        out = Path({str(tmp_path)!r}) / "run"
        trace = out / "it-ran"
        class Touch:
            def __reduce__(self):
                return Path.touch, (trace,)
        (out / "train" / "weights").mkdir(parents=True)
        planted = [out / "last.pt", out / "train" / "weights" / "last.pt", out / "best.pt", out / "start.pt"]
        for path in planted:
            path.write_bytes(pickle.dumps(Touch()))
        said = []
        for start in planted:
            try:
                Training(out, Recipe(steps=1), start=start, sources={{}})
            except UntrustedModelError as error:
                said.append(error.message)
        (out / "checkpoint.npz").write_bytes(pickle.dumps(Touch()))
        try:
            Training(out, Recipe(steps=1), start=None, sources={{}})
        except ModelError as error:
            said.append(error.message)
        print(json.dumps({{"seen": seen, "said": said, "ran": trace.exists()}}))
        """,
        tmp_path,
    )
    assert not found["ran"]
    said = list(found["said"])  # type: ignore[call-overload]
    assert [("was not opened" in one) for one in said] == [True] * 4 + [False]
    assert "cannot be read as a training's checkpoint" in said[-1]
    assert found["seen"] == []


def test_ultralytics_settings_of_the_person_are_neither_read_nor_written(tmp_path: Path) -> None:
    theirs = tmp_path / "config" / "Ultralytics" / "settings.json"
    theirs.parent.mkdir(parents=True)
    theirs.write_text('{"sync": true, "api_key": "secret"}')
    found = run_child(
        """
        from detection.ultralytics_apart import SWITCHED_OFF, load_ultralytics
        module = load_ultralytics()
        from ultralytics.utils import AUTOINSTALL, ONLINE, USER_CONFIG_DIR
        from ultralytics.utils.events import events
        state = {name: bool(module.settings.get(name)) for name in SWITCHED_OFF}
        print(json.dumps({"state": state, "key": module.settings["api_key"], "install": AUTOINSTALL, "online": ONLINE,
                          "events": events.enabled, "seen": seen,
                          "mode": USER_CONFIG_DIR.parent.stat().st_mode & 0o777}))
        """,
        tmp_path,
    )
    assert not any(dict(found["state"]).values())  # type: ignore[call-overload]
    assert found["key"] == ""
    assert (found["install"], found["online"], found["events"]) == (False, False, False)
    assert found["mode"] == 0o700
    assert found["seen"] == []
    assert theirs.read_text() == '{"sync": true, "api_key": "secret"}'
