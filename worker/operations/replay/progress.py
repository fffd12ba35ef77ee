"""The progress of a replay: on a terminal a bar with rate and time left, elsewhere nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import Progress

from worker.cli.console import err
from worker.cli.progress import counts


class ReplayBar:
    """Shows the progress of a replay. ``replay_id`` is None until the replay is recorded."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown
        self._task = shown.add_task("Replaying", total=None)
        self._offsets = 0
        self.replay_id: str | None = None

    def began(self, replay_id: str, offsets: int) -> None:
        self.replay_id = replay_id
        self._offsets = offsets
        err.print(f"Replay {replay_id}", highlight=False)
        self._shown.update(self._task, total=offsets)

    def left(self, offsets: int) -> None:
        self._shown.update(self._task, completed=self._offsets - offsets)


@contextmanager
def replay_bar() -> Iterator[ReplayBar]:
    with Progress(*counts(), console=err, disable=not err.is_terminal) as shown:
        yield ReplayBar(shown)
