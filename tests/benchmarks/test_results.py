"""What `make bench` keeps: numbers, rivals with their versions, and what could not be run."""

from __future__ import annotations

import importlib
import importlib.metadata
import json

import benchmarks.__main__ as bench
from benchmarks import Row


def rows():
    yield Row(what="reading", ours=2.0, rival=6.0, rival_name="geopandas alone", unit="s", goal=">= 2")


def absent():
    yield from rows()
    raise ModuleNotFoundError("No module named 'sahi'")


def test_a_row_carries_its_rival_and_the_rivals_version():
    (row,) = bench.measured(rows)["rows"]
    assert row["ratio"] == 3.0
    assert row["rival_versions"] == {"geopandas": importlib.metadata.version("geopandas")}


def test_a_rival_that_cannot_be_run_is_said_and_what_ran_is_kept():
    area = bench.measured(absent)
    assert "sahi" in area["not_run"]
    assert len(area["rows"]) == 1
    assert "sahi" in bench.as_markdown({"areas": {"detection": area}})


def test_a_rival_that_is_not_installed_is_said_and_the_next_is_measured():
    def measure():
        yield from bench.benchmarks.beside("a-rival", lambda: importlib.import_module("no_such_package") and [])
        yield from bench.benchmarks.beside("geopandas", lambda: list(rows()))

    area = bench.measured(measure)
    assert area["not_run"] == "not installed: a-rival"
    assert len(area["rows"]) == 1


def test_one_area_alone_leaves_the_others(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench, "RESULTS", tmp_path / "results.json")
    (tmp_path / "results.json").write_text(json.dumps({"areas": {"klv": bench.measured(rows)}}))
    (tmp_path / "README.md").write_text("before\n" + "\n".join(bench.MARKS) + "after\n")
    monkeypatch.setattr(bench, "README", tmp_path / "README.md")
    monkeypatch.setattr("benchmarks.imports.run", absent)
    assert bench.main(["imports"]) == 1
    kept = json.loads((tmp_path / "results.json").read_text())["areas"]
    assert set(kept) == {"klv", "imports"}
    assert "## klv" in (tmp_path / "results.md").read_text()
    assert "sahi" in capsys.readouterr().out


def test_the_readme_shows_what_was_measured_beside_packages_with_their_versions():
    kept = bench.read_results()
    shown = bench.README.read_text(encoding="utf-8").split(bench.MARKS[0])[1].split(bench.MARKS[1])[0]
    assert shown == bench.beside_others(kept)
    assert "geopandas 1" in shown
    assert "limit" not in shown
    assert "budget" not in shown


def test_of_each_rival_the_first_row_of_an_area_is_shown():
    def measure():
        yield from rows()
        yield Row(what="reading again", ours=1.0, rival=1.0, rival_name="geopandas alone", unit="s")
        yield Row(what="writing", ours=1.0, rival=1.0, rival_name="shapely", unit="s")
        yield Row(what="waiting", ours=1.0, rival=1.0, rival_name="limit", unit="s")

    table = bench.beside_others({"areas": {"klv": bench.measured(measure)}})
    assert [line.split(" | ")[0] for line in table.splitlines()[2:]] == ["| reading", "| writing"]


def test_a_new_table_takes_the_old_ones_place_and_nothing_else():
    page = "a\n" + bench.MARKS[0] + "| old |\n" + bench.MARKS[1] + "b\n"
    assert bench.with_table(page, "| new |\n") == page.replace("old", "new")
