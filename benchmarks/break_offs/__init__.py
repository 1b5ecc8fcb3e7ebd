"""Flights broken off wherever and however they may be, on real autopilots and on the embedded vehicle.

Each is judged by where the aircraft truly was: on our side of the line, and no nearer to it than the plan was judged to
keep. `python -m benchmarks.break_offs --help` flies them.
"""
