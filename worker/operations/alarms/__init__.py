"""`marketmap alarms`: mappings that the odds contradict."""
