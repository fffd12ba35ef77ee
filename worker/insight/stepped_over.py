"""What the database refuses of one thing does not stop the work on all others.

A value that is refused once is refused always, and whoever begins again comes to it again. So it is logged,
counted and stepped over: of this one thing nothing is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from worker.runtime.telemetry.metric_list import RefusedThing
from worker.storage.errors import StorageRefused

log = structlog.get_logger()

Refused = Callable[[RefusedThing], None]


@contextmanager
def stepping_over(what: RefusedThing, refused: Refused, **of: object) -> Iterator[None]:
    """End the block at a StorageRefused, and tell ``refused``; ``of`` says in the log what it is about."""
    try:
        yield
    except StorageRefused as error:
        log.warning("insight_not_stored", what=what, error=str(error), **of)
        refused(what)
