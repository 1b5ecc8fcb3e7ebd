"""Where an aircraft may be: border, own side, zones, free air, ways through it, ground below."""
