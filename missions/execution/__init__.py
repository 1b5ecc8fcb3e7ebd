"""What an autopilot does with a mission's items: the order they come in, the path, the waits, the speeds, the homes."""
