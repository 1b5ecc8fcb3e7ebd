"""MAVLink links: transports, signing, and the recorded log."""
