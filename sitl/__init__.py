"""Aircraft, cameras and worlds that do not exist."""
