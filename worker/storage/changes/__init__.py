"""Proposed changes of mappings, review, and who works on a miss. No worker reads any of it."""
