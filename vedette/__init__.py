"""Plan drone patrols of border segments, fly them, read the downlink, and map what was seen."""

__version__ = "0.2.0"
