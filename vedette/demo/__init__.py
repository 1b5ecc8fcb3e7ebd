"""The bundled patrol, planned, flown, filmed, read and scored."""
