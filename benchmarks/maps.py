"""Time and size of a map of many hits: our packed canvas layer against folium's FastMarkerCluster."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import folium
import numpy as np
from folium.plugins import FastMarkerCluster

from benchmarks import Row
from benchmarks._made_hits import many_hits
from maps.layers import GeometryLayer, line, pack_hits
from maps.offline_map import MapContent, write_map

COUNT = 300_000


def run() -> list[Row]:
    rng = np.random.default_rng(7)
    lat, lon = 50 + rng.normal(size=COUNT) * 0.05, 8 + rng.normal(size=COUNT) * 0.1
    with tempfile.TemporaryDirectory() as name:
        ours, theirs = Path(name, "ours.html"), Path(name, "theirs.html")
        start = time.perf_counter()
        packed = pack_hits(many_hits(lat, lon), {})
        border = GeometryLayer(name="Border", features=[line([(7.5, 50.0), (8.5, 50.0)])], style={})
        write_map(MapContent(title="hits", layers=[border], hits=packed), ours)
        ours_s = time.perf_counter() - start
        start = time.perf_counter()
        page = folium.Map()
        FastMarkerCluster(np.column_stack([lat, lon]).tolist()).add_to(page)
        page.save(theirs)
        theirs_s = time.perf_counter() - start
        sizes = ours.stat().st_size / 1e6, theirs.stat().st_size / 1e6
    name = "folium FastMarkerCluster"
    return [
        Row(what=f"write a map of {COUNT:,} hits", ours=ours_s, rival=theirs_s, rival_name=name, unit="s"),
        Row(what=f"size of a map of {COUNT:,} hits", ours=sizes[0], rival=sizes[1], rival_name=name, unit="MB"),
    ]
