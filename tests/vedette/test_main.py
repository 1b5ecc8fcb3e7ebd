from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from geo.errors import InputError, RefusedError
from vedette import main as command_line


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_help_lists_every_command_without_importing_any(capsys, arguments):
    command_line.main(arguments)
    shown = capsys.readouterr().out
    for name in command_line.COMMANDS:
        assert name in shown


@pytest.mark.parametrize("name", list(command_line.COMMANDS))
def test_every_command_exists_and_its_help_has_an_example(capsys, name):
    module = importlib.import_module(command_line.COMMANDS[name][0])
    assert module.app is not None
    assert command_line.main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Usage" in shown
    assert "vedette" in shown


def test_an_unknown_command_is_wrong_usage(capsys):
    assert command_line.main(["fligh"]) == 2
    assert "No such command" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "status", "shown"),
    [
        (InputError("field x is 3, expected 4"), 2, "field x is 3, expected 4"),
        (RefusedError("zone [north] forbids it"), 3, "zone [north] forbids it"),
        (FileNotFoundError(2, "No such file or directory", "a.toml"), 2, "a.toml: No such file"),
        (KeyError("oops"), 2, "unexpected KeyError"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_every_error_ends_as_one_sentence_and_a_status(monkeypatch, capsys, error, status, shown):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(command_line.LazyGroup, "main", fail)
    assert command_line.main(["demo"]) == status
    printed = capsys.readouterr().err
    assert shown in printed
    assert "Traceback" not in printed


def test_importing_the_command_line_loads_nothing_heavy():
    heavy = "{'torch', 'ultralytics', 'geopandas', 'ortools', 'rasterio', 'av', 'onnxruntime', 'folium', 'matplotlib'}"
    script = f"import sys, vedette, vedette.main; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
