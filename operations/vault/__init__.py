"""How an operation's bytes lie on disk: as they are, or encrypted."""
