"""Film and ground, both ways: what a picture shows of the ground, which film shows a place, and what comes in live."""
