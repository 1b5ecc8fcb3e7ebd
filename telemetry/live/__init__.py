"""Live links: bytes as they come, kept first, then read as recordings are."""
