"""MAVLink messages as poses: frames, clocks, gimbals."""
