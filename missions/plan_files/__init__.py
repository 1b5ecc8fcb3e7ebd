"""Plan files of every format, and the autopilots' own conventions."""
