"""Questions to one or more operations: what was found, and what ground was seen."""
