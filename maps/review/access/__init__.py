"""Who may come in: accounts, sessions, and the one guard that every request passes."""
