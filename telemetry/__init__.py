"""Where the aircraft was and what it sent: MAVLink, flight logs, KLV, subtitles, EXIF, video."""
