"""Whether a path keeps the rules: standoff, zones, ground, link, ways home, battery."""
