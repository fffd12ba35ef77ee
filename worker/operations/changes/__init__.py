"""Change sets: what a reviewer decides about, and what takes changes back."""
