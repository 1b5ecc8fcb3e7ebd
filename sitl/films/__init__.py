"""Filming a seeded world from a simulated flight."""
