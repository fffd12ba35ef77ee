"""The lab of proofs: right mappings are not contradicted, and most misreadings are proved on one board."""

import json
from collections.abc import Mapping

import pytest

from worker.lab.insight.proving import main


@pytest.fixture(scope="module")
def figures() -> Mapping[str, dict[str, list[int]]]:
    said: list[str] = []
    main(["--seed", "3", "--events", "1", "--misread", "1"], said.append)
    return json.loads(said[0])  # type: ignore[no-any-return]  # a document


def test_right_mappings_are_contradicted_by_nothing(figures: Mapping[str, object]) -> None:
    assert (figures["false"], figures["refused"], figures["alarms"]) == ({}, 0, 0)


def test_every_wrong_sign_and_line_is_proved_and_most_exchanges(
    figures: Mapping[str, dict[str, list[int]]],
) -> None:
    found = figures["found"]
    for fault in ("sign", "line too high by 1", "line too low by 1"):
        assert found[fault][0] == found[fault][1] > 0
    tried, proved = map(sum, zip(*found.values(), strict=True))
    assert proved > tried / 2
