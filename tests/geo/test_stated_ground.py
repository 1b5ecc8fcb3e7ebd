"""The ground that a person states: a plane where ground can be, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from geo.errors import InputError
from geo.stated_ground_file import read_stated_ground


@pytest.mark.parametrize("height_m", [-430.0, 0.0, 8849.0])
def test_a_plane_where_ground_lies(height_m):
    ground = read_stated_ground(None, height_m)
    # EGM96 at 0 N, 0 E lies 17.16 m over the ellipsoid (NGA's interpolation program, test case)
    assert float(ground.height_hae_m(np.zeros(1), np.zeros(1))[0]) == pytest.approx(height_m + 17.16, abs=0.05)


@pytest.mark.parametrize("height_m", [-1000.0, 29_000.0, float("nan"), float("inf")])
def test_a_height_at_which_no_ground_lies_is_refused_by_name(height_m):
    with pytest.raises(InputError, match="--flat-alt-amsl-m"):
        read_stated_ground(None, height_m)
