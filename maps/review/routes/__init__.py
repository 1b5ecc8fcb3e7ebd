"""What the console answers: one module a subject, each with its router."""
