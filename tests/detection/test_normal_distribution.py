"""The normal distribution held against `scipy.stats`, which the product no longer waits for."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from detection.normal_distribution import both_below, log_density

LIMITS = (0.0, -0.0, 1e-12, 0.7, -0.7, 3.0, -3.0, 40.0, -40.0)


@pytest.mark.parametrize("correlation", [-0.999, -0.6, 0.0, 0.3, 0.999])
def test_the_chance_of_both_is_that_of_an_integral(rng, correlation):
    cov = [[1.0, correlation], [correlation, 1.0]]
    for first, second in [*itertools.product(LIMITS, LIMITS), *rng.normal(0.0, 2.0, (40, 2)).tolist()]:
        integral = multivariate_normal.cdf([first, second], mean=[0.0, 0.0], cov=cov)
        assert both_below(first, second, correlation) == pytest.approx(integral, abs=1e-9), (first, second)


def test_the_density_is_the_librarys(rng):
    value, sigma = rng.normal(0.0, 5.0, 200), rng.uniform(0.01, 4.0, 200)
    np.testing.assert_allclose(log_density(value, 0.5, sigma), norm.logpdf(value, 0.5, sigma), rtol=1e-12)


@pytest.mark.parametrize("command", ["ingest", "watch", "review"])
def test_no_command_waits_for_what_takes_over_a_second_to_import(command):
    """All that a command needs while it works, as its modules name it; `scipy.stats` and folium take a second each."""
    needed = {"ingest": "operations.ingest", "watch": "operations.watching", "review": "maps.review.app"}[command]
    asked = f"import sys, {needed}; print([m for m in ('scipy.stats', 'folium', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
