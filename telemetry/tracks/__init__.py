"""Pose tracks: assembling, cleaning, interpolating, exporting; time bases and datums."""
