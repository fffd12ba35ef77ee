"""What is freed is used again: counted in pages that the system had to map, in processes of their own."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="there is no glibc on this machine"
)

BATCHES = 20
BATCH = """
import resource, sys
from worker.runtime.liveness.allocator import keep_freed_memory
is_told = keep_freed_memory() if sys.argv[1] == "told" else None
def batch():
    response = bytearray(16 * 1024 * 1024)
    return [bytes(response[at : at + 100_000]) for at in range(0, len(response), 100_000)]
batch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(int(sys.argv[2])):
    batch()
print(is_told, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages_mapped(told: str, **environment: str) -> tuple[str, float]:
    """Whether it was told, and how many pages were mapped for each batch."""
    answer = subprocess.run(
        [sys.executable, "-c", BATCH, told, str(BATCHES)],
        env={name: value for name, value in os.environ.items() if "MALLOC" not in name}
        | environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return answer[0], int(answer[1]) / BATCHES


def test_a_batch_is_received_into_the_memory_of_the_one_before() -> None:
    _, untold = pages_mapped("untold")
    is_told, told = pages_mapped("told")
    assert is_told == "True"
    assert told < 0.2 * untold


def test_what_an_operator_has_chosen_stands() -> None:
    is_told, _ = pages_mapped("told", MALLOC_TRIM_THRESHOLD_="0")
    assert is_told == "False"
