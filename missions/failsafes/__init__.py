"""What each autopilot does by itself when something fails, and which parameters decide it."""
