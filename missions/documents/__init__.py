"""Files from outside before anyone knows what they hold: whole or not at all, JSON with places, XML without traps."""
