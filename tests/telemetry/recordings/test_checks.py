"""Ten flights with one planted contradiction each: every one is named, and the flight without any is not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from geo.march import first_hits
from geo.rays import cast
from geo.terrain import FlatTerrain
from geo.values import GimbalFrame, PoseSigmas
from telemetry.klv import decode
from telemetry.klv.klv_track import track_from_klv
from telemetry.recordings.checks import held_against
from telemetry.tracks.assembly import Sampled, assemble
from telemetry.tracks.datums import egm96
from telemetry.tracks.track_cleaning import Samples

RATE_HZ, SECONDS = 10, 60
GROUND_HAE_M = 500.0


@pytest.fixture
def noise():
    return np.random.default_rng(7)


def flight(noise, **changes):
    """Return a flight around a bend at 100 m over flat ground, with what it says beside its pose, noisy."""
    n = RATE_HZ * SECONDS
    t_ns = 1_714_557_600_000_000_000 + np.arange(n) * 10**9 // RATE_HZ
    seconds = np.arange(n) / RATE_HZ
    yaw = 20.0 + 2.0 * seconds
    lat = 48.0 + np.cumsum(np.cos(np.radians(yaw))) * 1.0 / 111_000
    lon = 11.0 + np.cumsum(np.sin(np.radians(yaw))) * 1.0 / 74_000
    geoid = egm96(lat, lon)
    drift = 3.0 * seconds / SECONDS
    amsl = GROUND_HAE_M + 100.0 - geoid + drift + noise.normal(0, 0.5, n)
    columns = {
        "rel": 100.0 + noise.normal(0, 0.3, n),
        "agl": 100.0 + noise.normal(0, 2.0, n),
        "gps_lat": lat + noise.normal(0, 1.5, n) / 111_000,
        "gps_lon": lon + noise.normal(0, 1.5, n) / 74_000,
        "amsl": amsl,
        "yaw": yaw,
        "gimbal_yaw": yaw + 5.0 + noise.normal(0, 0.5, n),
        "gimbal_pitch": np.full(n, -40.0) + noise.normal(0, 0.2, n),
    }
    columns |= {name: change(columns[name]) for name, change in changes.items()}
    roll = np.zeros(n)
    return assemble(
        Sampled(
            position=Samples(t_ns=t_ns, columns={"lat_deg": lat, "lon_deg": lon, "alt_amsl_m": columns["amsl"]}),
            attitude=Samples(t_ns=t_ns, columns={"yaw_deg": columns["yaw"], "pitch_deg": roll, "roll_deg": roll}),
            gimbal=Samples(
                t_ns=t_ns,
                columns={"yaw_deg": columns["gimbal_yaw"], "pitch_deg": columns["gimbal_pitch"], "roll_deg": roll},
            ),
            gimbal_frame=GimbalFrame.EARTH,
            beside=Samples(
                t_ns=t_ns,
                columns={
                    "alt_rel_home_m": columns["rel"],
                    "agl_m": columns["agl"],
                    "gps_lat_deg": columns["gps_lat"],
                    "gps_lon_deg": columns["gps_lon"],
                },
            ),
        ),
        undulation=egm96,
        source="flight",
        problems=[],
    )


def verdict(track, others=(), klv=None):
    return held_against([track], list(others), klv, FlatTerrain(height_m=GROUND_HAE_M), PoseSigmas())


def shifted(track, metres):
    return dataclasses.replace(track, lat_deg=track.lat_deg + metres / 111_000)


def test_a_clean_flight_is_not_named(noise):
    track = flight(noise)
    found = verdict(track, [shifted(track, 3.0)])
    assert not found.problems
    assert found.sigmas == PoseSigmas()
    assert not found.unplaced


PLANTED = {
    "height_off_ground": ({"amsl": lambda v: v + 26.0}, {"position_v_m": 10.0}, False),
    "heights_disagree": ({"rel": lambda v: v + np.linspace(0, 40, len(v))}, {"position_v_m": 15.0}, False),
    "below_ground": ({"amsl": lambda v: v - 140.0, "rel": lambda v: v - 140.0}, {"position_v_m": 35.0}, False),
    "agl_disagrees": ({"agl": lambda v: v + 40.0}, {"position_v_m": 35.0}, False),
    "gps_disagree": ({"gps_lat": lambda v: v + 60.0 / 111_000}, {"position_h_m": 55.0}, False),
    "altitude_impossible": ({"amsl": lambda v: v * 0 - 2000.0}, {}, True),
    "zero_angles": ({"gimbal_yaw": lambda v: v * 0, "gimbal_pitch": lambda v: v * 0}, {}, True),
    "yaw_sense": ({"gimbal_yaw": lambda v: -v}, {}, True),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_contradiction_is_named_and_widens_or_unplaces(noise, kind):
    changes, at_least, unplaced = PLANTED[kind]
    found = verdict(flight(noise, **changes))
    assert kind in {problem.kind for problem in found.problems}
    for name, value in at_least.items():
        assert getattr(found.sigmas, name) >= value
    assert bool(found.unplaced) is unplaced


def test_a_second_source_elsewhere_is_named(noise):
    track = flight(noise)
    found = verdict(track, [shifted(track, 80.0)])
    assert [problem.kind for problem in found.problems] == ["sources_disagree"]
    assert found.sigmas.position_h_m == pytest.approx(80.0, abs=1.0)


@pytest.mark.parametrize(("turned", "named"), [(0.0, False), (8.0, True)])
def test_a_streams_own_frame_centre(cards, noise, turned, named):
    clean = decode(b"".join(cards.klv(i, cards.START_US + i * 100_000) for i in range(20)))
    track = track_from_klv(clean)
    poses, _ = track.at(track.t_utc_ns)
    hits = first_hits(cast(poses, np.array([[1.0], [0.0], [0.0]])), FlatTerrain(height_m=200.0), 20_000.0)
    centres = [{23: float(hits.lat_deg[i]), 24: float(hits.lon_deg[i]), 78: 200.0} for i in range(20)]
    packets = [
        cards.klv(i, cards.START_US + i * 100_000, more={18: turned} | centre) for i, centre in enumerate(centres)
    ]
    stream = decode(b"".join(packets))
    found = held_against([track_from_klv(stream)], [], stream, None, PoseSigmas())
    assert ("centre_disagrees" in {problem.kind for problem in found.problems}) is named
    if named:
        assert found.sigmas.gimbal_yaw_deg == pytest.approx(turned * np.cos(np.radians(30)), rel=0.1)
