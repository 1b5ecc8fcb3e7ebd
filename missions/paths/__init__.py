"""Ways an aircraft can fly: lanes, turns, landings, heights over the ground, and the mission items of a sortie."""
