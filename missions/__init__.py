"""From a brief to a plan to a vehicle: patterns, constraints, feasibility, transfer, flight."""
