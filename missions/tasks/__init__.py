"""What is to be seen, border, area, line or point, planned by one planner."""
