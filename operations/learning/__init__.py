"""What verdicts, outcomes and empty looks say about where the next patrol should look more often."""
