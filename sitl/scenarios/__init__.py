"""Scenarios: what happens when, what is expected, and the verdict."""
