"""Judging any plan: the autopilots' rules and a brief's."""
