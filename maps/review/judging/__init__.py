"""What comes first, what people decided about it, and where they disagree."""
