"""From frames to boxes to ground hits to ground tracks."""
