"""What an aircraft can do: types, wind, energy."""
