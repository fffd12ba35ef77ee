"""The newest state of every event, kept in a compacted topic: `marketmap run snapshot`.

What is newest is pure (`state`). One partition is written by one process at a time (`partition`), for as long
as its group gives it that partition (`following`).
"""
