"""From a brief to a plan: corridor, lanes, routes, energy, sorties, feasibility, revisit, schedule."""
