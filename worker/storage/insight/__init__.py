"""What the insight process writes, and what editors decide about it."""
