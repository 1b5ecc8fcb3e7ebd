from __future__ import annotations

import hashlib
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detection.errors import ModelError, UntrustedModelError
from detection.model_file import load_detector
from detection.model_manifest_file import (
    MODELS,
    colour_model,
    default_model,
    known_models,
    read_manifest,
    read_trusted,
    sha256_of,
    trust,
    trusted_copy,
    user_manifest,
)
from detection.training_file import export_model
from detection.ultralytics_detector import UltralyticsDetector
from geo.errors import MissingPartError

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config"


class Touch:
    """Unpickling this writes a file: what a hostile model would do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


def hostile(tmp_path: Path) -> tuple[Path, Path]:
    trace, model = tmp_path / "it-ran", tmp_path / "hostile.pt"
    model.write_bytes(pickle.dumps(Touch(trace)))
    return model, trace


def test_an_unknown_pt_file_is_refused_before_it_is_unpickled(tmp_path: Path) -> None:
    model, trace = hostile(tmp_path)
    for opening in (load_detector, UltralyticsDetector):
        with pytest.raises(UntrustedModelError, match="not in the model manifest and was not opened") as caught:
            opening(model)
        assert caught.value.exit_status == 3
    assert not trace.exists()
    pickle.loads(model.read_bytes())
    assert trace.exists()  # the file is what it is said to be


def test_trusting_takes_the_hash_and_does_not_open_the_file(tmp_path: Path) -> None:
    model, trace = hostile(tmp_path)
    entry = trust(model, "a test")
    assert not trace.exists()
    assert entry.sha256 == hashlib.sha256(read_trusted(model)).hexdigest()
    trust(model, "again")
    assert [one.purpose for one in read_manifest(user_manifest())] == ["again"]
    model.write_bytes(model.read_bytes() + b"!")
    with pytest.raises(UntrustedModelError):
        read_trusted(model)


def test_what_was_judged_is_what_is_opened(tmp_path: Path) -> None:
    """A file swapped after its hash was compared changes nothing: its bytes were read once, and are what is opened."""
    model = tmp_path / "good.pt"
    model.write_bytes(b"judged")
    trust(model)
    opened = []
    watching = True
    sys.addaudithook(lambda event, args: opened.append(args[0]) if watching and event == "open" else None)
    with trusted_copy(model) as copy:
        model.write_bytes(b"swapped")
        assert copy.read_bytes() == b"judged"
        assert copy.parent.stat().st_mode & 0o077 == 0
    watching = False
    assert not copy.exists()
    assert [str(path) for path in opened].count(str(model)) == 2  # read once, then this test's swap


@pytest.mark.parametrize("name", ["last.pt", "best.pt", "weights.PT"])
def test_every_name_of_a_pt_file_is_gated_alike(tmp_path: Path, name: str) -> None:
    model, trace = hostile(tmp_path)
    planted = model.rename(tmp_path / name)
    with pytest.raises(UntrustedModelError):
        load_detector(planted)
    with pytest.raises(UntrustedModelError):
        export_model(planted, tmp_path / "out.onnx")
    assert not trace.exists()
    assert not (tmp_path / "out.onnx").exists()


def test_without_ultralytics_a_trusted_pt_file_asks_for_the_extra(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model, trace = hostile(tmp_path)
    trust(model)
    if any((Path(folder) / "ultralytics").is_dir() for folder in sys.path):
        pytest.skip("ultralytics is installed here")
    with pytest.raises(MissingPartError, match=r"pip install 'vedette\[yolo\]'"):
        load_detector(model)
    assert not trace.exists()


def test_the_bundled_model_is_the_one_in_the_manifest() -> None:
    for name, path in (("vedette-small", default_model()), ("vedette-day", colour_model())):
        (entry,) = [one for one in known_models() if one.name == name]
        assert entry.sha256 == sha256_of(path)
        assert entry.classes == ("person", "vehicle", "bicycle")
        assert entry.licence == "AGPL-3.0-or-later"
        assert path.stat().st_size <= 12_000_000
        assert entry.sha256 in (MODELS / f"{name}.md").read_text(encoding="utf-8")


def test_loading_says_which_file_it_was(constant_model: Callable[..., Path]) -> None:
    path = constant_model(np.array([[[0, 0, 5, 5, 0.9, 0]]], dtype=np.float32))
    detector, described = load_detector(path)
    assert detector.class_names == ("person", "vehicle")
    assert described == f"constant.onnx sha256:{sha256_of(path)}"


def test_another_suffix_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.h5").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"must be an \.onnx or \.pt file, not '\.h5'"):
        load_detector(tmp_path / "model.h5")
    with pytest.raises(ModelError, match="no such model file"):
        load_detector(tmp_path / "absent.pt")


@pytest.mark.parametrize("content", ["", "[]", '{"models": [{"name": 1}]}', '{"models": 3}', "\x00"])
def test_a_damaged_list_is_named(own_configuration: Path, content: str) -> None:
    user_manifest().parent.mkdir(parents=True)
    user_manifest().write_text(content)
    with pytest.raises(ModelError, match=r"models\.json: cannot be read as a list of models"):
        known_models()


def run_models(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vedette", "models", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_commands_a_person_types(tmp_path: Path) -> None:
    model, trace = hostile(tmp_path)
    listed = run_models("list", "--json")
    assert listed.returncode == 0, listed.stderr
    assert json.loads(listed.stdout)["models"][0]["state"] == "good"
    refused = run_models("export", str(model), "--out", str(tmp_path / "x.onnx"))
    assert refused.returncode == 3
    assert "not in the model manifest" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert run_models("trust", str(model), "--note", "a test").returncode == 0
    assert [row["name"] for row in json.loads(run_models("list", "--json").stdout)["models"]][-1] == "hostile"
    assert not trace.exists()
    odd = run_models("export", str(model), "--out", str(tmp_path / "x.onnx"), "--width", "333")
    assert odd.returncode == 2
    assert "multiples of 32, at most 4096, not 333 x 512" in odd.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config", "hostile.pt"]


def test_verify_opens_what_it_was_given(tmp_path: Path) -> None:
    checked = run_models("verify", "--json")
    assert checked.returncode == 0, checked.stderr
    result = json.loads(checked.stdout)
    assert result["states"] == {"vedette-small": "good", "vedette-day": "good"}
    assert [one["model"].split(".")[0] for one in result["models"]] == ["vedette-small", "vedette-day"]
    assert all("person" in one["classes"] for one in result["models"])
    missing = run_models("verify", str(tmp_path / "absent.onnx"))
    assert missing.returncode == 2
    assert "no such model file" in missing.stderr
