"""Evidence on a real event: nothing of the shipped catalogue is contradicted, and every misread line is."""

from pathlib import Path

import pytest

from tests.support.boards import INDEX, JUDGE
from worker.insight.judging import Judge
from worker.insight.proofs import proofs, proofs_of
from worker.lab.documents.evidence import real_boards
from worker.lab.insight.misread import misreadings


@pytest.fixture(scope="module")
def judge(payloads: Path) -> Judge:
    return JUDGE.knowing(real_boards(payloads), INDEX)


def test_no_price_contradicts_the_shipped_catalogue(payloads: Path, judge: Judge) -> None:
    assert [found for one in real_boards(payloads) for found in proofs(one, INDEX, judge)] == []


@pytest.mark.parametrize("platform", ["sportybet", "betpawa", "bet9ja"])
def test_every_wrong_sign_and_line_is_found(payloads: Path, judge: Judge, platform: str) -> None:
    boards = [one for one in real_boards(payloads) if one.platform == platform]
    missed = [
        (board.event, wrong.fault, wrong.canonical_id)
        for board in boards
        for wrong in misreadings(judge.reading(board, INDEX), judge)
        if not list(proofs_of(wrong.canonical_id, wrong.reading, judge))
    ]
    assert missed == []
