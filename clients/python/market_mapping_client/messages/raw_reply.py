"""An observation from a bookmaker's own reply: what a scraper received becomes what it publishes.

Each bookmaker answers in a form of its own. The functions here read the envelope (ids, teams, start, sport,
in play or not) and pass the markets on unchanged, so that an observation made here resolves exactly as one
that a scraper puts together by hand. Nothing is guessed: what a reply does not say is left out, and a reply
that is none is refused with what was looked for and what was found.

Pure: the moment of the scrape is an argument.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from pydantic import ValidationError

from .fields import Platform, number_of_entries
from .observation import Observation
from .refusal import describe_faults

BOOKMAKERS: Final[dict[Platform, str]] = {
    "sportybet": "SportyBet",
    "betpawa": "BetPawa",
    "bet9ja": "Bet9ja",
}
# What of a reply an observation holds as its markets.
MARKETS_ARE: Final[dict[Platform, str]] = {
    "sportybet": "the array data.markets",
    "betpawa": "the array markets",
    "bet9ja": "the object D.O",
}
# `S_`, `B_`, `LIVES_`: a sport in capitals, of which Bet9ja may have more, and whether it is in play.
_FLAT_KEY: Final = re.compile(r"[A-Z]+_[A-Z0-9]")
_LOOKED_AT: Final = 10  # entries of markets, of which the form is found

_FOUND_OK: Final = 10000  # SportyBet's bizCode of a reply that holds an event
_STARTED: Final = frozenset({1, 2})  # SportyBet's status: in play, or interrupted
_LONGEST_SHOWN: Final = 60

# The same sport under the names that the bookmakers give it. BetPawa's ids are the same in every language.
_SPORT_NAMES: Final = {"soccer": "football"}
_BETPAWA_SPORTS: Final = {"2": "football", "3": "basketball", "452": "tennis"}


class UnknownReplyError(ValueError):
    """What cannot become an observation: a reply, or what was passed with it.

    The message says what was looked for and what was found.
    """


def platform_of(reply: object) -> Platform | None:
    """The bookmaker whose form a reply has; None for an observation and for anything else."""
    if not isinstance(reply, Mapping) or "observed_at" in reply:
        return None
    if "bizCode" in reply:
        return "sportybet"
    if "R" in reply and "D" in reply:
        return "bet9ja"
    if "markets" in reply and ("widgets" in reply or "participants" in reply):
        return "betpawa"
    return None


def part_of_reply(document: Mapping[str, Any]) -> tuple[Platform, str] | None:
    """The bookmaker and the name of the part of its reply that a document seems to be; None for any other."""
    if "observed_at" in document or "platform" in document:
        return None
    if "eventId" in document and "markets" in document:
        return "sportybet", "data"
    if isinstance(document.get("O"), Mapping) and {"ID", "EXTID", "DS", "A"} & document.keys():
        return "bet9ja", "D"
    return None


def form_of_markets(markets: object) -> Platform | None:
    """The bookmaker in whose form markets are; None when that is not clear from the first entries."""
    if isinstance(markets, Mapping):
        keys = list(markets)[:_LOOKED_AT]
        is_flat = bool(keys) and all(_FLAT_KEY.match(str(key)) for key in keys)
        return "bet9ja" if is_flat else None
    if not isinstance(markets, list):
        return None
    forms = {_form_of_market(market) for market in markets[:_LOOKED_AT]}
    return forms.pop() if len(forms) == 1 else None


def _form_of_market(market: object) -> Platform | None:
    if not isinstance(market, Mapping):
        return None
    if isinstance(market.get("marketType"), Mapping):
        return "betpawa"
    return "sportybet" if "id" in market and isinstance(market.get("outcomes"), list) else None


def refuse_observation(document: object) -> None:
    """Raise UnknownReplyError for what is an observation already, of which none has to be made."""
    if isinstance(document, Mapping) and "observed_at" in document:
        raise UnknownReplyError(
            "this is an observation already: publish it as it is; `marketmap validate` checks it"
        )


def observation_from_reply(
    reply: object,
    observed_at: datetime,
    *,
    platform: Platform | None = None,
    scrape_id: str | None = None,
    zone: tzinfo = UTC,
) -> Observation:
    """Make an observation of a reply of any bookmaker; without ``platform`` its form decides.

    ``zone`` is that of Bet9ja's times, which have none, such as ``ZoneInfo("Africa/Lagos")``. Raises
    UnknownReplyError, also for a platform or a zone that is none, and for a time without its offset.
    """
    if platform is not None and platform not in BOOKMAKERS:
        raise UnknownReplyError(
            f"platform: looked for one of {', '.join(BOOKMAKERS)}, found {_shown(platform)}"
        )
    refuse_observation(reply)
    platform = platform or platform_of(reply)
    match platform:
        case "sportybet":
            return observation_from_sportybet(reply, observed_at, scrape_id=scrape_id)
        case "betpawa":
            return observation_from_betpawa(reply, observed_at, scrape_id=scrape_id)
        case "bet9ja":
            return observation_from_bet9ja(reply, observed_at, scrape_id=scrape_id, zone=zone)
        case None:
            pass
    part = part_of_reply(reply) if isinstance(reply, Mapping) else None
    if part is not None:
        raise UnknownReplyError(
            f"this seems to be {part[1]} of {BOOKMAKERS[part[0]]}'s reply: pass the whole reply, as it came"
        )
    raise UnknownReplyError(
        "this is no bookmaker's reply: looked for SportyBet's bizCode and data, BetPawa's markets with"
        f" participants or widgets, Bet9ja's R and D; found {_form(reply)}"
    )


def observation_from_sportybet(
    reply: object, observed_at: datetime, *, scrape_id: str | None = None
) -> Observation:
    """Make an observation of SportyBet's reply: ``{"bizCode": 10000, "data": {"eventId", "markets", ...}}``.

    ``observed_at`` is when the reply was received, with its offset. Raises UnknownReplyError.
    """
    outer = _reply(reply, "SportyBet's reply")
    if outer.get("bizCode") != _FOUND_OK:
        raise UnknownReplyError(
            f"SportyBet holds no event here: looked for bizCode {_FOUND_OK}, found"
            f" bizCode {_shown(outer.get('bizCode'))}, message {_shown(outer.get('message'))}"
        )
    data = _object(outer.get("data"), "data of SportyBet's reply")
    event_id = _text(data.get("eventId"), "data.eventId of SportyBet's reply")
    sport = _object_or_empty(data.get("sport"))
    tournament = _object_or_empty(_object_or_empty(sport.get("category")).get("tournament"))
    event = {
        "id": event_id,
        "sportradar_id": _digits_or_none(event_id.removeprefix("sr:match:")),
        "home": _text_or_none(data.get("homeTeamName")),
        "away": _text_or_none(data.get("awayTeamName")),
        "starts_at": _from_milliseconds(data.get("estimateStartTime")),
        "sport": _sport(sport.get("name")),
        "competition": _text_or_none(tournament.get("name")),
        "live": data["status"] in _STARTED if isinstance(data.get("status"), int) else None,
    }
    markets = _list(data.get("markets"), "data.markets of SportyBet's reply")
    return _observation("sportybet", observed_at, scrape_id, event, markets)


def observation_from_betpawa(
    reply: object, observed_at: datetime, *, scrape_id: str | None = None
) -> Observation:
    """Make an observation of BetPawa's reply: ``{"id", "participants", "widgets", "startTime", "markets"}``.

    ``observed_at`` is when the reply was received, with its offset. Raises UnknownReplyError.
    """
    data = _reply(reply, "BetPawa's reply")
    sides = {
        one.get("position"): one.get("name")
        for one in _objects(data.get("participants"))
        if one.get("position") in (1, 2)
    }
    category = _object_or_empty(data.get("category"))
    live = _object_or_empty(data.get("additionalInfo")).get("live")
    event = {
        "id": _text(data.get("id"), "id of BetPawa's reply"),
        "sportradar_id": _sportradar_widget(data.get("widgets")),
        "home": _text_or_none(sides.get(1)),
        "away": _text_or_none(sides.get(2)),
        "starts_at": _with_offset(data.get("startTime")),
        "sport": _BETPAWA_SPORTS.get(str(category.get("id"))) or _sport(category.get("name")),
        "competition": _text_or_none(_object_or_empty(data.get("competition")).get("name")),
        "live": live if isinstance(live, bool) else None,
    }
    markets = _list(data.get("markets"), "markets of BetPawa's reply")
    return _observation("betpawa", observed_at, scrape_id, event, markets)


def observation_from_bet9ja(
    reply: object, observed_at: datetime, *, scrape_id: str | None = None, zone: tzinfo = UTC
) -> Observation:
    """Make an observation of Bet9ja's reply: ``{"R": "OK", "D": {"ID", "EXTID", "DS", "O", ...}}``.

    Its times have no zone; they are read as UTC, in which an event starts when the other bookmakers say it
    does, unless ``zone`` says otherwise. In play the facts of the event are in ``D.A``, which names neither
    teams nor start: both are left out. ``observed_at`` is when the reply was received, with its offset.
    Raises UnknownReplyError.
    """
    _require_zone(zone)
    outer = _reply(reply, "Bet9ja's reply")
    data = outer.get("D")
    if not isinstance(data, Mapping):
        raise UnknownReplyError(
            "Bet9ja holds no event here (it may have ended): looked for the object D, found"
            f" R {_shown(outer.get('R'))}, D {_shown(data)}"
        )
    in_play = isinstance(data.get("A"), Mapping)
    facts = _object(data["A"] if in_play else data, "D of Bet9ja's reply")
    home, away = _sides(facts.get("DS"))
    event = {
        "id": _text(facts.get("ID"), f"{'D.A.ID' if in_play else 'D.ID'} of Bet9ja's reply"),
        "sportradar_id": _digits_or_none(facts.get("EXTID")),
        "home": home,
        "away": away,
        "starts_at": _in_zone(facts.get("STARTDATE"), zone),
        "sport": _sport(facts.get("S")),
        "competition": _text_or_none(facts.get("GN")),
        "live": in_play,
    }
    markets = _object(data.get("O"), "D.O of Bet9ja's reply")
    names = {
        one["ID"]: one["DS"]
        for one in _objects(data.get("MK"))
        if isinstance(one.get("ID"), str) and isinstance(one.get("DS"), str)
    }
    return _observation(
        "bet9ja", observed_at, scrape_id, event, dict(markets), market_names=names or None
    )


def _observation(
    platform: Platform,
    observed_at: datetime,
    scrape_id: str | None,
    event: Mapping[str, Any],
    markets: list[Any] | dict[str, Any],
    **more: Any,
) -> Observation:
    fields = {
        "platform": platform,
        "observed_at": observed_at,
        "scrape_id": scrape_id,
        "event": {name: value for name, value in event.items() if value is not None},
        "markets": markets,
    }
    try:
        return Observation.model_validate(fields | more)
    except ValidationError as error:
        faults = "; ".join(describe_faults(error))
        raise UnknownReplyError(f"the observation would be refused: {faults}") from error


def _require_zone(zone: object) -> None:
    if not isinstance(zone, tzinfo):
        raise UnknownReplyError(
            f'zone: looked for a tzinfo such as ZoneInfo("Africa/Lagos"), found {_shown(zone)}'
        )


def _sportradar_widget(widgets: object) -> str | None:
    """SportRadar's number; None where the widgets name none, or two that differ."""
    numbers = {
        _digits_or_none(one.get("id"))
        for one in _objects(widgets)
        if one.get("type") == "SPORTRADAR"
    }
    return numbers.pop() if len(numbers) == 1 else None


def _sides(names: object) -> tuple[str | None, str | None]:
    """Home and away of ``Home - Away``; where a name holds the same dash, nobody can tell: both None."""
    parts = names.split(" - ") if isinstance(names, str) else []
    if len(parts) != 2:  # a pair
        return None, None
    return _text_or_none(parts[0].strip()), _text_or_none(parts[1].strip())


def _sport(name: object) -> str | None:
    text = _text_or_none(name)
    if text is None:
        return None
    folded = "_".join(text.casefold().split())
    return _SPORT_NAMES.get(folded, folded)


def _from_milliseconds(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    try:
        return datetime.fromtimestamp(value / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _with_offset(value: object) -> datetime | None:
    moment = _moment(value)
    return moment if moment is not None and moment.tzinfo is not None else None


def _in_zone(value: object, zone: tzinfo) -> datetime | None:
    moment = _moment(value)
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=zone)


def _moment(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _reply(value: object, what: str) -> Mapping[str, Any]:
    refuse_observation(value)
    return _object(value, what)


def _object(value: object, what: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise UnknownReplyError(f"{what}: looked for an object, found {_form(value)}")


def _list(value: object, what: str) -> list[Any]:
    if isinstance(value, list):
        return value
    raise UnknownReplyError(f"{what}: looked for an array, found {_form(value)}")


def _text(value: object, what: str) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str) and text:
        return text
    raise UnknownReplyError(f"{what}: looked for an id, found {_shown(value)}")


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _object_or_empty(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _digits_or_none(value: object) -> str | None:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return text if isinstance(text, str) and text.isascii() and text.isdigit() else None


def _form(value: object) -> str:
    """What a value is, for a person: its kind, and the first names of an object."""
    match value:
        case Mapping():
            names = ", ".join(str(name) for name in list(value)[:6])
            return f"an object with {_cut(names)}" if names else "an empty object"
        case list():
            return number_of_entries(value)
        case _:
            return _shown(value)


def _shown(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return _cut(f"{value}")
        case str():
            return f'"{_cut(value)}"'
        case _:
            return _form(value)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"
