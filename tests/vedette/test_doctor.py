"""What is there, what is missing for which command; a missing part is a finding with its remedy."""

from __future__ import annotations

import importlib.metadata
import json

import pytest

from vedette.main import main


def report(capsys):
    status = main(["doctor", "--json"])
    return status, {part["name"]: part for part in json.loads(capsys.readouterr().out)["parts"]}


def test_what_is_there_is_told_with_its_version(capsys):
    status, parts = report(capsys)
    assert status == 0
    assert parts["numpy"]["state"] == importlib.metadata.version("numpy")
    assert parts["vedette-small.onnx"]["state"] == "as its card says"
    assert parts["vedette-day.onnx"]["state"] == "as its card says"


def test_a_package_that_every_installation_needs_and_is_not_there_is_a_finding(capsys, monkeypatch):
    there = importlib.metadata.version

    def gone(name):
        if name == "duckdb":
            raise importlib.metadata.PackageNotFoundError(name)
        return "17.0" if name == "shapely" else there(name)

    monkeypatch.setattr(importlib.metadata, "version", gone)
    monkeypatch.setattr(
        importlib.metadata, "requires", lambda _: ["duckdb>=1.1", "shapely>=2,<3", "torch>=2; extra == 'yolo'"]
    )
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "MISSING duckdb" in said
    assert "17.0 is installed, <3,>=2 is needed" in said


@pytest.mark.parametrize(
    ("name", "of"), [("vedette-small.onnx", "default_model"), ("vedette-day.onnx", "colour_model")]
)
def test_a_model_that_was_changed_is_a_finding(capsys, monkeypatch, tmp_path, name, of):
    broken = tmp_path / name
    broken.write_bytes(b"changed")
    monkeypatch.setattr(f"detection.model_manifest_file.{of}", lambda: broken)
    status, parts = report(capsys)
    assert status == 1
    assert parts[name]["state"] == ""


@pytest.mark.parametrize("says", ["echo some version 7", "exit 3"])
def test_programs_beside_it_are_found_and_asked(capsys, monkeypatch, tmp_path, says):
    for name in ("ffmpeg", "px4"):
        (tmp_path / name).write_text(f"#!/bin/sh\n{says}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("VEDETTE_PX4", str(tmp_path / "px4"))
    _, parts = report(capsys)
    assert parts["ffmpeg"]["state"] in ("some version 7", f"at {tmp_path / 'ffmpeg'}")
    assert parts["px4"]["state"] == f"at {tmp_path / 'px4'}"
    assert parts["srt-live-transmit"]["state"] == ""
    assert "PATH" in parts["srt-live-transmit"]["remedy"]
