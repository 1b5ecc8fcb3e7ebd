"""Search patterns: where to fly so that an area, a point or a line is seen."""
