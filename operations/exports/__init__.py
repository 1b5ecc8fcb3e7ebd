"""What leaves an operation: things in the formats of other programs, each naming where it comes from."""
