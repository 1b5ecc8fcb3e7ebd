"""A small night with two agencies' keys, and a package of it."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

from operations.consultation import Consultation, Purpose
from operations.evidence.package import PackOrder, pack
from operations.finding.selection import ThingSelection
from operations.signing.signer import new_key


def _load(name):
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parents[1] / f"{name}.py")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="session")
def night():
    """Return the maker of a small night's operation."""
    return _load("night")


@pytest.fixture(scope="session")
def made(night, tmp_path_factory):
    """Return a folder with an operation, an encrypted one, the keys of two people, and packages of the first."""
    folder = tmp_path_factory.mktemp("evidence")
    night.make_clip(folder / "clip.ts")
    night.make_card(folder / "card", (1, 2))
    clock = night.clock()
    signers = [new_key(folder / f"{name}.key", name, passphrase=None, clock=clock) for name in ("ana", "ben")]
    for op, secret in (("op", None), ("closed", night.KEY)):
        with night.OperationStore.create(
            folder / op, name="Nacht \u0141 1", actor="ana", clock=clock, secret=secret
        ) as store:
            run = night.read_in(store, folder / "clip.ts").run
            night.read_in(store, folder / "card")
            hit = str(store.table("hits", runs=[run.run_id])["hit_id"][0])
            night.give_verdict(store, 1, run_id=run.run_id, hit_id=hit, note="two on foot")
            first = store.table("hits", runs=[run.run_id]).to_pylist()[0]
            thing = str(first["track_id"] or first["hit_id"])
            for what in ("redacted", "unredacted"):
                order = PackOrder(
                    selection=ThingSelection(classes=("person",), thing_ids=(thing,), singles=True),
                    asked={"class": ["person"], "track": [thing]},
                    to="court",
                    signers=tuple(signers[: 1 if what == "redacted" else 2]),
                    unredacted=what == "unredacted",
                )
                why = Purpose(case="7", reason="for the court")
                pack(Consultation(store=store, purpose=why), order, folder / f"{op}-{what}")
    return folder


@pytest.fixture(params=["redacted", "unredacted"])
def package(request, made, tmp_path):
    """Return a copy of a package to tamper with."""
    return Path(shutil.copytree(made / f"op-{request.param}", tmp_path / "package"))
