"""Clips and streams: decoding in a process of its own, frame times, writing MPEG-TS."""
