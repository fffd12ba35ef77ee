"""The few exceptions that cross an adapter's edge, classed by what the caller does about them.

An adapter translates its driver's errors into these once; nobody else looks at a driver's error.
"""

from __future__ import annotations


class TransientError(Exception):
    """Try the same again later: the other side is away, busy, or asked for a retry."""


class FatalError(Exception):
    """Going on would do harm or is useless: stop the process, with its state as it is."""
