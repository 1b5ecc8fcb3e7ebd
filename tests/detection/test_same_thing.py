"""Whether two tracks are one thing: held to brute force, to drawn walks, and to simulated sorties over one world."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from detection import same_thing
from detection.looked_again import Looked
from detection.matching import marginals
from detection.out_of_sight import LAWS, OTHER_LAW
from detection.same_thing import Links, chains, link
from detection.traces import Traces
from tests.detection.test_newcomers import looks
from tests.detection.walks import walked

MINUTE_NS = 60_000_000_000
AREA = np.array([200_000.0, 200_000.0])


def traces(rows: list[dict[str, object]], class_names: tuple[str, ...] = ("person", "vehicle")) -> Traces:
    """One track a row: `run`, `t_s`, `at`, `mps`, and how many seconds it lasts."""
    count = len(rows)
    at = np.array([row["at"] for row in rows], dtype=np.float64)
    mps = np.array([row.get("mps", (0.0, 0.0)) for row in rows], dtype=np.float64)
    lasts = np.array([row.get("lasts", 6.0) for row in rows], dtype=np.float64)
    begin = (np.array([row["t_s"] for row in rows]) * 1e9).astype(np.int64)
    kind = [class_names.index(str(row.get("kind", "person"))) for row in rows]
    cov = np.tile(9.0 * np.eye(2), (count, 1, 1))
    return Traces(
        run=np.array([row["run"] for row in rows]), begin_ns=begin, end_ns=begin + (lasts * 1e9).astype(np.int64),
        begin_m=at, end_m=at + mps * lasts[:, None], begin_mps=mps, end_mps=mps, begin_cov_m2=cov, end_cov_m2=cov,
        size_ln=np.array([row.get("size_ln", (np.nan, np.nan)) for row in rows]),
        contrast=np.array([row.get("contrast", np.nan) for row in rows], dtype=np.float64),
        contrast_var=np.full(count, 0.08**2),
        size_ln_var=np.full((count, 2), 0.03**2), velocity_m2ps2=np.full(count, 0.15),
        posterior=np.eye(len(class_names))[kind], class_names=class_names,
    )  # fmt: skip


def chance(rows: list[dict[str, object]], before: int = 0, after: int = 1) -> float:
    found = link(traces(rows), AREA)
    mine = (found.before == before) & (found.after == after)
    return float(found.probability[mine].sum())


BESIDE: list[dict[str, object]] = [{"run": 1, "t_s": 60.0, "at": (400.0 + 60.0 * k, -300.0)} for k in range(4)]
"""Others of the second recording, far away."""


def test_who_walks_on_as_before_is_likely_the_same_and_who_would_have_had_to_run_is_not() -> None:
    walker = {"run": 0, "t_s": 0.0, "at": (0.0, 0.0), "mps": (1.2, 0.0)}
    on = {"run": 1, "t_s": 36.0, "at": (42.0, 3.0), "mps": (1.2, 0.1)}
    assert chance([walker, on, *BESIDE]) > 0.9
    assert chance([walker, on | {"at": (300.0, 3.0)}, *BESIDE]) < 0.01
    assert chance([walker, on | {"kind": "vehicle"}, *BESIDE]) < 0.01
    assert chance([walker, on | {"t_s": 1236.0, "at": (900.0, 380.0)}, *BESIDE]) < 0.6


def test_two_sensors_at_once_see_one_thing_where_their_places_agree() -> None:
    one = {"run": 0, "t_s": 0.0, "at": (0.0, 0.0), "mps": (0.0, 1.1), "lasts": 8.0}
    two = {"run": 1, "t_s": 2.0, "at": (3.0, 4.0), "mps": (0.1, 1.1), "lasts": 8.0}
    assert chance([one, two, *BESIDE]) > 0.9
    assert chance([one, two | {"at": (40.0, 4.0)}, *BESIDE]) < 0.05
    same_recording = [one, two | {"run": 0}, *BESIDE]
    assert chance(same_recording) == 0.0


def test_of_two_who_claim_one_the_chance_is_shared() -> None:
    first = {"run": 0, "t_s": 0.0, "at": (0.0, 0.0)}
    rival = {"run": 0, "t_s": 0.0, "at": (1.0, 1.0)}
    found = {"run": 1, "t_s": 60.0, "at": (0.5, 0.5)}
    rows = [first, rival, found, *BESIDE]
    both = chance(rows, 0, 2), chance(rows, 1, 2)
    assert both[0] == pytest.approx(both[1], rel=0.15)
    assert 0.85 < sum(both) <= 1.0


def _exact(odds: np.ndarray) -> np.ndarray:
    """Marginals of pairs over all ways to match rows and columns one to one at most, each as likely as its odds say."""
    rows, columns = odds.shape
    total, weights = 0.0, np.zeros(odds.shape)
    for chosen in itertools.product(range(-1, columns), repeat=rows):
        taken = [c for c in chosen if c >= 0]
        if len(taken) == len(set(taken)):
            weight = float(np.prod([odds[r, c] for r, c in enumerate(chosen) if c >= 0]))
            total += weight
            for r, c in enumerate(chosen):
                if c >= 0:
                    weights[r, c] += weight
    return weights / total


def test_marginals_are_those_of_all_matchings() -> None:
    """Belief propagation against brute force: exact where pairs form no loop, and near where they do."""
    rng = np.random.default_rng(4)
    before, after = (axis.ravel() for axis in np.meshgrid(np.arange(4), np.arange(4, 8), indexing="ij"))
    for _ in range(20):
        odds = np.exp(rng.normal(-1.0, 2.0, (4, 4)))
        told = marginals(before, after, odds.ravel(), 8).reshape(4, 4)
        assert np.abs(told - _exact(odds)).max() < 0.12
        alone = np.where(np.eye(4) + np.eye(4, k=1) > 0, odds, 0.0)
        told = marginals(before, after, alone.ravel(), 8).reshape(4, 4)
        assert told == pytest.approx(_exact(alone), abs=1e-5)


def test_what_walks_as_assumed_is_joined_as_often_as_is_told() -> None:
    """Told probabilities come true, among people close enough together for doubt; four in ten are seen once only.

    Each recording is off by some metres, all of it alike.
    """
    rng = np.random.default_rng(7)
    told, true = [], []
    for _ in range(4):
        rows, who = [], []
        off = rng.normal(0.0, 3.0, (2, 2))
        for thing in range(150):
            places, velocities = walked(rng, LAWS["person"], 60)
            places = places + rng.uniform(0.0, 800.0, 2)
            for run in np.flatnonzero(rng.random(2) < 0.75).tolist():
                at, mps = (
                    places[60 * run] + off[run] + rng.normal(0.0, 0.7, 2),
                    velocities[60 * run] + rng.normal(0.0, 0.39, 2),
                )
                rows.append({"run": run, "t_s": 60.0 * run, "at": at, "mps": mps, "lasts": 0.0})
                who.append(thing)
        found = link(traces(rows), np.array([640_000.0, 640_000.0]))
        told.append(found.probability)
        true.append(np.array(who)[found.before] == np.array(who)[found.after])
    told_all, true_all = np.concatenate(told), np.concatenate(true)
    for low, high in ((0.0, 0.05), (0.05, 0.35), (0.35, 0.65), (0.65, 0.9), (0.9, 1.01)):
        mine = (told_all >= low) & (told_all < high)
        assert mine.sum() > 30
        assert told_all[mine].mean() == pytest.approx(true_all[mine].mean(), abs=0.12)


def test_chains_follow_the_likeliest_and_take_no_track_twice() -> None:
    found = link(
        traces(
            [
                {"run": 0, "t_s": 0.0, "at": (0.0, 0.0), "mps": (1.2, 0.0)},
                {"run": 1, "t_s": 36.0, "at": (43.0, 0.0), "mps": (1.2, 0.0)},
                {"run": 0, "t_s": 70.0, "at": (84.0, 0.0), "mps": (1.2, 0.0)},
                *BESIDE,
            ]
        ),
        AREA,
    )
    assert chains(found, 0.7) == [[0, 1, 2]]
    assert chains(found, 1.01) == []


def test_vehicles_have_their_own_wandering() -> None:
    car = {"run": 0, "t_s": 0.0, "at": (0.0, 0.0), "mps": (8.0, 0.0), "kind": "vehicle"}
    ahead = {"run": 1, "t_s": 26.0, "at": (205.0, 8.0), "mps": (8.0, 0.5), "kind": "vehicle"}
    assert OTHER_LAW.speed_mps > LAWS["person"].speed_mps
    assert chance([car, ahead, *BESIDE]) > 0.8


def test_whose_place_was_not_looked_at_again_is_less_likely_to_be_who_comes() -> None:
    """It has gone somewhere, or stands there unseen; and who was looked at and not seen says how many are missed."""
    walker = {"run": 0, "t_s": 0.0, "at": (0.0, 0.0), "mps": (1.2, 0.0)}
    on = {"run": 1, "t_s": 96.0, "at": (90.0, 48.0), "mps": (0.9, 0.8)}
    seen = traces([walker, on, *BESIDE])
    begun = looks({1: [(1, 92.0, 100.0)]} | {2 + k: [(1, 58.0, 64.0)] for k in range(4)}, 6)
    ended = [looks({0: again}, 6) for again in ([(1, 55.0, 63.0), (1, 92.0, 100.0)], [])]
    told = [link(seen, AREA, Looked(ends=ends, begins=begun)) for ends in ended]
    asked, not_asked = (one.probability[(one.before == 0) & (one.after == 1)].sum() for one in told)
    assert asked > 0.5
    assert not_asked < 1.0 - 2.0 * (1.0 - asked)


def test_who_was_not_seen_at_looks_between_is_less_likely_to_be_who_comes() -> None:
    """Its place was looked at before, so that newcomers there are as few in either case."""
    walker = {"run": 0, "t_s": 0.0, "at": (0.0, 0.0), "mps": (1.2, 0.0)}
    on = {"run": 1, "t_s": 96.0, "at": (90.0, 48.0), "mps": (0.9, 0.8)}
    seen, told = traces([walker, on, *BESIDE]), []
    for between in ([], [(0, 40.0, 45.0), (0, 65.0, 70.0)]):
        ends = looks({0: [*between, (1, 92.0, 100.0)]}, 6)
        begins = looks({1: [(0, -50.0, -45.0), *between, (1, 92.0, 100.0)]} | dict.fromkeys(range(2, 6), []), 6)
        found = link(seen, AREA, Looked(ends=ends, begins=begins))
        told.append(float(found.probability[(found.before == 0) & (found.after == 1)].sum()))
    assert 1.0 - told[1] > 2.0 * (1.0 - told[0])


def test_a_car_that_went_round_corners_is_told_by_its_speed_within_its_reach() -> None:
    """South-eastward and then south where no way that keeps its direction leads: at another speed it is another one."""
    car = {"run": 0, "t_s": 0.0, "at": (0.0, 0.0), "mps": (5.0, 5.0), "kind": "vehicle"}
    came = {"run": 1, "t_s": 106.0, "at": (300.0, -40.0), "mps": (1.0, -7.0), "kind": "vehicle"}
    assert chance([car, came, *BESIDE]) > 0.8
    assert chance([car, came | {"mps": (0.6, -4.0)}, *BESIDE]) < 0.1
    assert chance([car, came | {"at": (900.0, -40.0)}, *BESIDE]) < 0.01


def test_ground_is_as_long_as_tracks_lie_apart_along_it(rng: np.random.Generator) -> None:
    """A strip of 2 km by 100 m, turned by 30 degrees; and of one track only, a square."""
    along = np.column_stack([np.linspace(0.0, 2000.0, 50), rng.uniform(-50.0, 50.0, 50)])
    turn = np.array([[np.cos(0.5236), -np.sin(0.5236)], [np.sin(0.5236), np.cos(0.5236)]])
    rows = [{"run": 0, "t_s": 0.0, "at": tuple(at)} for at in along @ turn.T] + [{"run": 1, "t_s": 0.0, "at": (0, 0)}]
    told = same_thing._extent_m(traces(rows), np.array([200_000.0, 40_000.0]))
    assert told[0] == pytest.approx([2000.0, 100.0], rel=0.02)
    assert told[1] == pytest.approx([200.0, 200.0])


def test_tracks_of_one_recording_are_weighed_after_any_gap_but_not_at_once() -> None:
    """What the tracker left apart for a moment is asked, too; what it followed at once is two things."""
    first = {"run": 0, "t_s": 0.0, "at": (0.0, 0.0), "mps": (1.2, 0.0)}
    on = {"run": 0, "t_s": 9.0, "at": (10.8, 0.2), "mps": (1.2, 0.0)}
    assert chance([first, on, *BESIDE]) > 0.9
    assert chance([first, on | {"t_s": 5.0, "at": (6.0, 0.2)}, *BESIDE]) == 0.0


def test_pairs_asked_in_pieces_are_told_the_same(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {"run": run, "t_s": 60.0 * run, "at": tuple(rng.uniform(0.0, 30.0, 2)), "kind": kind}
        for run in (0, 1, 2)
        for kind in ("person", "vehicle") * 4
    ]
    whole = link(traces(rows), np.full(3, 40_000.0))
    monkeypatch.setattr(same_thing, "PIECE", 7)
    pieces = link(traces(rows), np.full(3, 40_000.0))
    assert len(whole.before) > 20
    assert (pieces.before == whole.before).all()
    assert (pieces.after == whole.after).all()
    assert pieces.probability == pytest.approx(whole.probability, abs=1e-9)


def test_a_track_whose_error_is_not_known_takes_nobody_elses_joins_away() -> None:
    walker = {"run": 0, "t_s": 0.0, "at": (0.0, 0.0), "mps": (1.2, 0.0)}
    on = {"run": 1, "t_s": 36.0, "at": (42.0, 3.0), "mps": (1.2, 0.1)}
    seen = traces([walker, on, *BESIDE, {"run": 0, "t_s": 3.0, "at": (60.0, 40.0)}])
    seen.begin_cov_m2[-1] = seen.end_cov_m2[-1] = np.nan
    found = link(seen, AREA)
    assert found.probability[(found.before == 0) & (found.after == 1)].sum() > 0.9
    assert 6 not in found.before


def test_of_two_who_come_the_one_as_large_is_likelier_the_one_who_went() -> None:
    """Both stand where the first stood; sizes alone tell, and those that nobody knows do not."""
    first = {"run": 0, "t_s": 0.0, "at": (0.0, 0.0), "size_ln": (-0.1, -0.12)}
    alike = {"run": 1, "t_s": 60.0, "at": (1.0, 0.0), "size_ln": (-0.09, -0.1)}
    other = {"run": 1, "t_s": 60.0, "at": (-1.0, 0.0), "size_ln": (0.1, 0.12)}
    told = [chance([first, alike, other, *BESIDE], after=after) for after in (1, 2)]
    assert told[0] > 4.0 * told[1]
    unknown = [{name: value for name, value in row.items() if name != "size_ln"} for row in (first, alike, other)]
    even = [chance([*unknown, *BESIDE], after=after) for after in (1, 2)]
    assert even[0] == pytest.approx(even[1], rel=0.15)


def test_of_two_who_come_the_one_as_bright_is_likelier_the_one_who_went() -> None:
    """Both stand where the first stood; contrasts alone tell."""
    first = {"run": 0, "t_s": 0.0, "at": (0.0, 0.0), "contrast": 1.2}
    alike = {"run": 1, "t_s": 60.0, "at": (1.0, 0.0), "contrast": 1.25}
    other = {"run": 1, "t_s": 60.0, "at": (-1.0, 0.0), "contrast": 2.2}
    usual = [row | {"contrast": 1.7} for row in BESIDE]
    told = [chance([first, alike, other, *usual], after=after) for after in (1, 2)]
    assert told[0] > 3.0 * told[1]


def test_chains_part_where_on_the_mean_they_are_not_one() -> None:
    """Two who are each one with a third, and hardly with each other: the likelier of them is joined."""
    begin = np.array([0, 10, 20, 30])
    links = Links(
        before=np.array([0, 0, 1]), after=np.array([1, 2, 2]), probability=np.array([0.95, 0.91, 0.1]), begin_ns=begin
    )
    assert chains(links, 0.9) == [[0, 1]]
    assert chains(dataclasses.replace(links, probability=np.array([0.95, 0.91, 0.9])), 0.9) == [[0, 1, 2]]
    assert chains(links, 0.96) == []


def test_what_a_person_set_apart_is_not_joined_by_way_of_a_third() -> None:
    """A pair that is left out counts as hardly one, whatever the others say."""
    links = Links(
        before=np.array([0, 1]), after=np.array([1, 2]), probability=np.array([0.99, 0.98]), begin_ns=np.arange(3)
    )
    assert chains(links, 0.9) == [[0, 1]]
