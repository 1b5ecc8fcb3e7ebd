"""Who flies what from where and when: the shares of the work, the schedule, the batteries."""
