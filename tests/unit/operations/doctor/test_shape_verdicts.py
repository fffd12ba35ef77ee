"""What the doctor says of the form of observations."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from worker.insight.drift.shapes import ShapeSample
from worker.operations.doctor.findings import Finding
from worker.operations.doctor.shape_verdicts import shape_findings

GONE = ShapeSample()


def sample(resolved: int = 100, **fields: Any) -> ShapeSample:
    markets = Counter({"resolved": resolved}) + Counter(fields.pop("others", {}))
    return ShapeSample(observations=fields.pop("observations", 20), markets=markets, **fields)


def judged(now: ShapeSample, before: ShapeSample = GONE) -> list[Finding]:
    return shape_findings("betpawa", now, before)


def sentence(now: ShapeSample, before: ShapeSample = GONE) -> str:
    (finding,) = judged(now, before)
    assert finding.level == "WARNING"
    assert finding.remedy == "docs/runbook.md, MarketmapDrift"
    return finding.message


def test_a_bookmaker_as_a_day_before_is_fine_with_its_shares() -> None:
    others = {"INVALID_SPECIFIER": 1, "NO_MATCHING_OUTCOMES": 3}
    now = sample(96, others=others, recalled=90)
    (finding,) = judged(now, sample(96, others=others, recalled=0))
    assert (finding.subject, finding.level) == ("shapes", "OK")
    assert finding.message == (
        "betpawa: 20 observations: 96.0% of the markets resolved, 1.0% refused, 3.0% with an unknown"
        " label, 90.0% of a form that was there a day before"
    )


def test_no_observations_are_no_fault() -> None:
    (finding,) = judged(GONE)
    assert (finding.level, finding.message) == ("OK", "betpawa: no observations")


def test_refused_rows_are_named_with_the_share_before_and_an_example() -> None:
    others = {"INVALID_SPECIFIER": 84, "INVALID_ODDS": 3}
    examples = {"INVALID_SPECIFIER": "5000 INVALID_SPECIFIER a line is missing, t [0] offset 4"}
    now = sample(89, others=others, examples=examples)
    findings = judged(now, sample(173))
    assert findings[0].message == (
        "betpawa: 49.4% of the markets are refused, 0.0% a day before: "
        "5000 INVALID_SPECIFIER a line is missing, t [0] offset 4"
    )
    assert (
        findings[1].message
        == "betpawa: only 50.6% of the markets are resolved, 100.0% a day before"
    )


def test_unknown_labels_that_were_known_are_a_sign() -> None:
    now = sample(95, others={"NO_MATCHING_OUTCOMES": 5})
    assert "5.0% of the markets have an unknown label, 0.0% a day before" in sentence(now, sample())


@pytest.mark.parametrize(("times", "level"), [(5, "OK"), (6, "WARNING")])
def test_without_older_observations_only_a_large_share_is_a_sign(times: int, level: str) -> None:
    (finding,) = judged(sample(100 - times, others={"INVALID_ODDS": times}))
    assert finding.level == level


def test_a_share_that_was_there_before_is_no_drift() -> None:
    before = sample(90, others={"NO_MATCHING_OUTCOMES": 10})
    now = sample(85, others={"NO_MATCHING_OUTCOMES": 15})
    assert judged(now, before)[0].level == "OK"


def test_records_that_cannot_be_read_are_a_sign_even_if_none_can() -> None:
    assert sentence(ShapeSample(unreadable=20)) == "betpawa: 100.0% of the records cannot be read"
    assert "50.0% of the records" in sentence(sample(unreadable=20), sample())


def test_new_fields_are_named_and_those_that_were_there_are_no_sign() -> None:
    fields = {("row", f"f{n}") for n in range(7)}
    said = sentence(sample(unread=fields), sample())
    assert said == (
        "betpawa: fields that nobody reads: f0 (row), f1 (row), f2 (row), f3 (row), f4 (row) and 2 more"
    )
    (finding,) = judged(sample(unread={("row", "f0")}), sample(unread=fields))
    assert finding.level == "OK"
    assert finding.message.endswith("fields that nobody reads, as before: f0 (row)")
