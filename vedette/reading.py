"""How recordings are read into an operation: what a command's options, and a program, say of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry.recordings.stated import Stated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detection.values import Detector
    from operations.analysis import IngestSettings
    from telemetry.recordings.recording import Card


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Stated):
    """How recordings are read: over what ground, by which detector, and what is stated of them.

    Attributes
    ----------
    terrain, flat_alt_amsl_m
        The ground that hits are placed on: a GeoTIFF, ``.hgt``, DTED or a folder of tiles, or a plane at a height.
    terrain_datum
        What the terrain's heights count from where it does not say: ``egm96``, ``hae``, or a geoid's grid file.
    model
        A detector; the bundled one unless given.
    every_s
        Analyse one frame each so many seconds.
    person_min_px
        Tile large pictures until a person is so high in the model's input; 0 for never, as the model needs it unless
        given.
    track
        A log, table or subtitle file that poses the clips.
    brief
        A brief, whose border and zones are watched for events.
    standing_s
        Who does not move for so long stands.
    """

    terrain: str | Path | None = None
    terrain_datum: str | None = None
    flat_alt_amsl_m: float | None = None
    model: str | Path | None = None
    every_s: float | None = None
    person_min_px: float | None = None
    track: str | Path | None = None
    brief: str | Path | None = None
    standing_s: float = 60.0

    def cards(self, sources: Sequence[str | Path]) -> list[Card]:
        """Sort out what the sources hold.

        Raises
        ------
        MediaError
            One cannot be read, or holds no recording.
        """
        from telemetry.recordings.open_recordings import open_recordings

        return [open_recordings(Path(source), track=_path(self.track)) for source in sources]

    def settings(self) -> IngestSettings:
        """Return how recordings are analysed; the ground is opened, and the brief is read.

        Raises
        ------
        InputError
            One of the values is not what it has to be, or a file cannot be read.
        """
        from geo.stated_ground_file import read_stated_ground
        from operations.analysis import IngestSettings
        from operations.originals import ground_identity
        from vedette.watched_border import watched_by

        stated, terrain = self.options(), _path(self.terrain)
        return IngestSettings(
            terrain=read_stated_ground(terrain, self.flat_alt_amsl_m, datum=self.terrain_datum),
            terrain_identity=ground_identity(terrain, self.flat_alt_amsl_m, datum=self.terrain_datum),
            every_s=self.every_s,
            person_min_px=self.person_min_px,
            watched=watched_by(_path(self.brief), self.standing_s),
            stated=stated,
        )

    def detector(self) -> tuple[Detector, str]:
        """Return the detector, and its name and hash."""
        from detection.model_file import load_detector

        return load_detector(_path(self.model))


def _path(place: str | Path | None) -> Path | None:
    return None if place is None else Path(place)
