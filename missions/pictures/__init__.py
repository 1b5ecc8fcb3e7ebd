"""Pictures of a plan: heights along each flight, the whole of it in three dimensions, the schedule."""
