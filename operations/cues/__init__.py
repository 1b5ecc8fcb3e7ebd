"""Alarms from outside: what may open a card before an analyst, and never moves an aircraft."""
