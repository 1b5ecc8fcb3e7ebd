"""What readers and patrols said leaves with every box, in two columns, and a calibration can be fitted to either."""

from __future__ import annotations

import json

import numpy as np
import pytest

from operations.exports.coco import coco
from operations.exports.handed import Handed
from operations.exports.score_table import score_table
from operations.finding.archive import Archive
from operations.finding.selection import ThingSelection, find
from operations.finding.thing_index import ThingIndex
from operations.log.leaves import LeafKind
from operations.outcomes import FromTheSpot, record_outcome
from operations.store import OperationStore
from operations.values import Decision, Outcome, Verdict
from tests.operations.finding.conftest import made_operation

NOW_NS = 1_767_300_000_000_000_000


@pytest.fixture
def handed(tmp_path):
    made_operation(tmp_path / "op", nights=1)
    with OperationStore.open(tmp_path / "op", actor="ana", clock=lambda: NOW_NS) as store:
        run = store.runs()[0].run_id
        for track, decision in (("T0-1", Decision.CONFIRMED), ("T0-2", Decision.DISMISSED)):
            verdict = Verdict(verdict_id=track, run_id=run, decision=decision, track_id=track)
            store.append(LeafKind.VERDICT, track, verdict.body())
        record_outcome(store, FromTheSpot(found=Outcome.ANIMAL), track_id="T0-1")
        with Archive([store]) as archive:
            things = find(archive, ThingIndex(archive), ThingSelection()).things
            yield Handed.of(archive, things, now_utc_ns=NOW_NS, case="7")


def test_a_reader_and_a_patrol_who_contradict_each_other_both_leave(handed):
    said = {one["thing_id"]: (one["decision"], one["patrol_found"]) for one in json.loads(coco(handed))["annotations"]}
    assert said["T0-1"] == ("confirmed", "animal")
    assert said["T0-2"] == ("dismissed", None)
    assert said["T0-3"] == ("nobody has decided", None)


def test_the_score_table_holds_every_box_and_an_isotonic_curve_can_be_fitted_to_it(handed):
    from sklearn.isotonic import IsotonicRegression

    told = json.loads(score_table(handed))
    boxes = told["boxes"]
    assert len(boxes) == 12 * 6
    assert {one["height_px"] for one in boxes} == {10.0}
    assert {one["model"] for one in boxes} == {"made model 00ff"}
    counted = sum(sum(column["decision"].values()) for column in told["boxes_by_class"].values())
    assert counted == len(boxes)
    judged = [one for one in boxes if one["decision"] in {"confirmed", "dismissed"}]
    right = np.array([one["decision"] == "confirmed" for one in judged])
    assert right.sum() == 6
    assert len(judged) == 12
    curve = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(
        [one["score_raw"] for one in judged], right
    )
    low, high = curve.predict([0.0, 1.0])
    assert 0.0 <= low <= high <= 1.0
