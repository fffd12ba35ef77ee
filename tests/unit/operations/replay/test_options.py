from typing import Any

import pytest
import typer

from worker.operations.replay.options import Asked, market_name, parse_options
from worker.operations.replay.replay_filter import MarketName
from worker.settings.settings import Settings

SETTINGS = Settings(topic_prefix="x.")
BETPAWA, SPORTYBET, BET9JA = (
    f"x.observations.{name}" for name in ("betpawa", "sportybet", "bet9ja")
)


def ask(**options: Any) -> Asked:
    given = {
        "topics": None,
        "from_": "1h",
        "to": None,
        "platforms": None,
        "markets": None,
    } | options
    return parse_options(SETTINGS, **given)


@pytest.mark.parametrize(
    ("options", "topics"),
    [
        ({}, [BET9JA, BETPAWA, SPORTYBET]),
        ({"topics": ["observations.bet9ja", SPORTYBET]}, [BET9JA, SPORTYBET]),
        ({"platforms": ["betpawa"]}, [BETPAWA]),
        ({"markets": ["sportybet:1", "bet9ja:S_1X2"]}, [BET9JA, SPORTYBET]),
        ({"platforms": ["sportybet"], "markets": ["sportybet:1", "bet9ja:S_1X2"]}, [SPORTYBET]),
        ({"topics": [BET9JA], "platforms": ["betpawa"]}, [BET9JA]),
    ],
)
def test_topics_are_those_named_or_those_of_what_is_chosen(options: Any, topics: list[str]) -> None:
    assert list(ask(**options).topics) == topics


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"from_": None}, "--from"),
        ({"from_": "noon"}, "is not a time"),
        ({"from_": "1h", "to": "2h"}, "later than --from"),
        ({"topics": ["odds.resolved"]}, "is not a topic of observations"),
        ({"platforms": ["bet365"]}, "--platform"),
        ({"markets": ["18"]}, "PLATFORM:ID"),
        ({"markets": ["bet365:18"]}, "PLATFORM:ID"),
        ({"platforms": ["betpawa"], "markets": ["sportybet:1"]}, "matches both"),
    ],
)
def test_wrong_options_are_wrong_usage(
    options: Any, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended:
        ask(**options)
    assert ended.value.exit_code == 2
    assert complaint in capsys.readouterr().err


def test_a_markets_id_may_hold_colons_and_a_qualifier() -> None:
    assert market_name("sportybet:8?a:b=2") == MarketName("sportybet", "8?a:b=2")


def test_from_and_to_are_an_hour_apart() -> None:
    window = ask(from_="2026-11-22T12:00:00Z", to="2026-11-22T13:00:00Z").window
    assert window.to_ms is not None
    assert window.to_ms - window.from_ms == 3_600_000
