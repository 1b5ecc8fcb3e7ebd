"""A small night with three people's keys, and packages of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from operations.consultation import Consultation, Purpose
from operations.evidence.package import PackOrder, pack
from operations.finding.selection import ThingSelection
from operations.signing.heads import keep, sign_head
from operations.signing.signer import new_key
from operations.signing.stamps import stamp_request


@pytest.fixture(scope="session")
def made(night, nights, authority, tmp_path_factory):
    """Return a folder with an operation, an encrypted one, the keys of three people, and packages of the first.

    Head 8 of the operation is signed by another agency and stamped by an authority.
    """
    folder = tmp_path_factory.mktemp("evidence")
    shutil.copy(nights / "clip.ts", folder)
    clock = night.clock()
    ana, ben, police = (
        new_key(folder / f"{name}.key", name, passphrase=None, clock=clock) for name in ("ana", "ben", "police")
    )
    for op, secret in (("op", None), ("closed", night.KEY)):
        shutil.copytree(nights / op, folder / op)
        with night.OperationStore.open(folder / op, actor="ana", clock=clock, secret=secret) as store:
            clip = next(media.id for media in store.media() if media.name == "clip.ts")
            first = next(row for row in store.table("hits").to_pylist() if row["media_id"] == clip)
            thing = str(first["track_id"] or first["hit_id"])
            night.give_verdict(store, 1, run_id=first["run_id"], hit_id=first["hit_id"], note="two on foot")
            signed = sign_head(store, ana).cosigned(police)
            keep(store, signed, authority.stamp(stamp_request(signed.text)))
            for what in ("redacted", "unredacted"):
                order = PackOrder(
                    selection=ThingSelection(classes=("person",), thing_ids=(thing,), singles=True),
                    asked={"class": ["person"], "track": [thing]},
                    to="court",
                    signers=(ana,) if what == "redacted" else (ana, ben),
                    unredacted=what == "unredacted",
                )
                why = Purpose(case="7", reason="for the court")
                pack(Consultation(store=store, purpose=why), order, folder / f"{op}-{what}")
    return folder


@pytest.fixture(params=["redacted", "unredacted"])
def package(request, made, tmp_path):
    """Return a copy of a package to tamper with."""
    return Path(shutil.copytree(made / f"op-{request.param}", tmp_path / "package"))
