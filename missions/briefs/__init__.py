"""What a patrol unit asks for: the brief, its files, aircraft types and the standoff's reasons."""
