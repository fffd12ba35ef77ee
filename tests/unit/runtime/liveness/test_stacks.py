from __future__ import annotations

import asyncio
import threading

from worker.runtime.liveness.stacks import stacks


async def inner(waiting: asyncio.Event) -> None:
    waiting.set()
    await asyncio.Event().wait()


async def outer(waiting: asyncio.Event) -> None:
    await inner(waiting)


async def test_a_task_is_shown_down_to_what_it_waits_for() -> None:
    waiting = asyncio.Event()
    task = asyncio.create_task(outer(waiting), name="the-waiting-one")
    await waiting.wait()
    text = stacks()
    task.cancel()
    shown = text[text.index("task the-waiting-one") :].split("\ntask ")[0].splitlines()
    assert [line.split()[-1] for line in shown[1:4]] == ["outer", "inner", "wait"]


async def test_of_a_deep_stack_the_innermost_part_is_shown() -> None:
    waiting = asyncio.Event()

    async def deep(levels: int) -> None:
        await (deep(levels - 1) if levels else inner(waiting))

    task = asyncio.create_task(deep(100), name="the-deep-one")
    await waiting.wait()
    text = stacks()
    task.cancel()
    shown = (
        text[text.index("task the-deep-one") :]
        .split("\ntask ")[0]
        .split("\nthread ")[0]
        .splitlines()
    )
    assert len(shown) <= 13
    assert [line.split()[-1] for line in shown[-2:]] == ["inner", "wait"]


def test_a_thread_is_shown_by_its_name_without_an_event_loop() -> None:
    running, ends = threading.Event(), threading.Event()

    def work() -> None:
        running.set()
        ends.wait(60)

    thread = threading.Thread(target=work, name="the-working-thread")
    thread.start()
    running.wait(60)
    text = stacks()
    ends.set()
    thread.join(60)
    of_thread = text[text.index("thread the-working-thread") :].split("\nthread ")[0]
    assert " work" in of_thread


def test_the_text_is_bounded() -> None:
    assert len(stacks(most_characters=50)) < 100
