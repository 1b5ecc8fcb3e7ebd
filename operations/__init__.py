"""What is kept: one folder per operation with hits, tracks, media, verdicts and an audit log."""
