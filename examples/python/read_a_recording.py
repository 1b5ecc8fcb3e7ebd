"""For an analyst: read a clip with telemetry into an operation, and look into it for a case.

The clip is made here, four grey pictures from 60 m above flat ground, so that the example needs no file.
"""

from fractions import Fraction

import numpy as np

import vedette
from telemetry.klv import encode
from telemetry.videos.stream_writer_file import StreamWriter

START_UTC_NS = 1_767_225_600_000_000_000

with StreamWriter("clip.ts", width_px=320, height_px=256, fps=Fraction(2)) as writer:
    for number in range(4):
        t_utc_ns = START_UTC_NS + number * 500_000_000
        place = {13: 50.0, 14: 8.0 + number * 1e-4, 75: 160.0}  # latitude, longitude, height over the ellipsoid
        looks = {5: 90.0, 90: 0.0, 91: 0.0, 16: 32.0, 17: 25.8, 18: 0.0, 19: -60.0, 20: 0.0}  # attitude, lens, gimbal
        picture = np.full((256, 320, 3), 90, dtype=np.uint8)
        writer.write(picture, t_utc_ns, encode({2: t_utc_ns // 1000, **place, **looks, 65: 19}))

(done,) = vedette.ingest("clip.ts", "night-1", vedette.Reading(flat_alt_amsl_m=50.0), actor="A. Name")
print(f"{done.media.name}: {done.run.counts}")

with vedette.open_operation("night-1", case="2026-0412", reason="training", actor="A. Name") as night:
    print(f"{night.hits.num_rows} hits, {night.frames.num_rows} frames, {len(night.verdicts)} verdicts")
    print(f"the page for it: {vedette.map(night, 'night-1.html')}")
