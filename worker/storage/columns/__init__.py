"""Columns that anything may stand in: JSON and times, decoded here and nowhere else."""
