"""The dashboard as one picture, drawn from its own queries: what Grafana would show, without Grafana."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from xml.sax.saxutils import escape

_WIDTH: Final = 1320
_COLUMN: Final = _WIDTH / 24
_ROW: Final = 34
_GAP: Final = 6
_INK: Final = "#1c2530"
_FAINT: Final = "#d5dbe1"
_SOFT: Final = "#66727f"
_COLOURS: Final = (
    "#2f7d4f",
    "#c9a227",
    "#1f5fa8",
    "#c2571a",
    "#b3382c",
    "#7a4b9a",
    "#17828c",
    "#8a5a3b",
)
_STAT_COLOURS: Final = {"green": "#2f7d4f", "yellow": "#c9a227", "red": "#b3382c"}
_LEGEND_LINES: Final = 3
_LETTER: Final = 7.2
_SCALES: Final = {
    "bytes": ((2**30, " GiB"), (2**20, " MiB"), (2**10, " KiB"), (1, " B")),
    "Bps": ((1e9, " GB/s"), (1e6, " MB/s"), (1e3, " kB/s"), (1, " B/s")),
    "s": ((60, " min"), (1, " s"), (1e-3, " ms")),
    "reqps": ((1e3, "k/s"), (1, "/s")),
}

Point = tuple[float, float]


class Series(NamedTuple):
    """A line of a panel; the points of one are at most a step of the query apart, or there is a gap."""

    name: str
    points: Sequence[Point]


class Range(NamedTuple):
    start: float
    end: float
    step: float


class Place(NamedTuple):
    x: float
    y: float
    width: float
    height: float


Query = Callable[[str], Sequence[Mapping[str, Any]]]


def drawn(dashboard: Mapping[str, Any], query: Query, over: Range) -> str:
    """An SVG of all panels. ``query`` gives Prometheus's result of an expression over the range."""
    panels = dashboard["panels"]
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels) * _ROW + _GAP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" font-family="sans-serif" font-size="11" fill="{_INK}">'
    )
    parts = [part for panel in panels for part in _panel(panel, query, over)]
    return "\n".join(
        [head, '<rect width="100%" height="100%" fill="#f0f2f4"/>', *parts, "</svg>", ""]
    )


def _panel(panel: Mapping[str, Any], query: Query, over: Range) -> Iterator[str]:
    grid = panel["gridPos"]
    place = Place(
        grid["x"] * _COLUMN + _GAP / 2,
        grid["y"] * _ROW + _GAP / 2,
        grid["w"] * _COLUMN - _GAP,
        grid["h"] * _ROW - _GAP,
    )
    if panel["type"] == "row":
        yield _text(place.x + 6, place.y + 18, panel["title"], size=14, weight="bold")
        return
    series = [one for target in panel["targets"] for one in _series(target, query)]
    corner = f'x="{place.x:.1f}" y="{place.y:.1f}"'
    yield f'<rect {corner} width="{place.width:.1f}" height="{place.height:.1f}" fill="#ffffff"/>'
    yield _text(place.x + 8, place.y + 16, panel["title"], size=12, weight="bold")
    draw = _stat if panel["type"] == "stat" else _timeseries
    yield from (
        draw(panel, series, place, over) if any(one.points for one in series) else _empty(place)
    )


def _series(target: Mapping[str, Any], query: Query) -> Iterator[Series]:
    for result in query(target["expr"]):
        points = [(float(at), float(value)) for at, value in result["values"]]
        yield Series(
            _legend(target["legendFormat"], result["metric"]),
            [p for p in points if math.isfinite(p[1])],
        )


def _legend(written: str, labels: Mapping[str, str]) -> str:
    named = re.sub(r"\{\{ *(\w+) *\}\}", lambda found: labels.get(found[1], ""), written)
    return " ".join(named.split()) or "value"


def _empty(place: Place) -> Iterator[str]:
    middle = place.x + place.width / 2, place.y + place.height / 2 + 6
    yield _text(*middle, "No data", size=13, anchor="middle", colour=_SOFT)


def _stat(
    panel: Mapping[str, Any], series: Sequence[Series], place: Place, _over: Range
) -> Iterator[str]:
    defaults = panel["fieldConfig"]["defaults"]
    value = series[0].points[-1][1]
    steps = defaults.get("thresholds", {}).get("steps", [{"color": "green", "value": None}])
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    middle = place.x + place.width / 2, place.y + place.height / 2 + 22
    colour = _STAT_COLOURS[reached[-1]]
    yield _text(*middle, _shown(value, defaults["unit"]), size=34, anchor="middle", colour=colour)


def _timeseries(
    panel: Mapping[str, Any], series: Sequence[Series], place: Place, over: Range
) -> Iterator[str]:
    defaults = panel["fieldConfig"]["defaults"]
    legend = list(_legend_lines([one.name for one in _by_size(series)], place.width - 16))
    left, top = place.x + 62, place.y + 30
    plot = Place(left, top, place.x + place.width - 12 - left, place.height - 56 - 15 * len(legend))
    most = defaults.get("max") or _ceiling(
        max(value for one in series for _, value in one.points), defaults["unit"]
    )
    yield from _axes(plot, most, defaults["unit"], over)
    colours = dict(
        zip([one.name for one in _by_size(series)], _COLOURS * len(series), strict=False)
    )
    for one in reversed(_by_size(series)):
        yield from _line(one, plot, most, over, colours[one.name])
    for number, line in enumerate(legend):
        yield from _legend_line(line, place.x + 8, plot.y + plot.height + 34 + 15 * number, colours)


def _by_size(series: Sequence[Series]) -> list[Series]:
    return sorted(series, key=lambda one: -max((value for _, value in one.points), default=-1.0))


def _legend_lines(names: Sequence[str], width: float) -> Iterator[list[str]]:
    """The names in lines; what is too much for the room is told as a number, as a scroll bar would."""
    lines: list[list[str]] = [[]]
    for number, name in enumerate(names):
        used = sum(len(other) * _LETTER + 26 for other in lines[-1])
        if lines[-1] and used + len(name) * _LETTER + 26 > width:
            if len(lines) == _LEGEND_LINES:
                lines[-1] = [*lines[-1][:-1], f"and {len(names) - number + 1} more"]
                break
            lines.append([])
        lines[-1].append(name)
    yield from lines


def _legend_line(
    names: Sequence[str], x: float, y: float, colours: Mapping[str, str]
) -> Iterator[str]:
    for name in names:
        if name in colours:
            yield f'<rect x="{x:.1f}" y="{y - 5:.1f}" width="12" height="3" fill="{colours[name]}"/>'
        yield _text(x + 16, y, name)
        x += len(name) * _LETTER + 26


def _axes(plot: Place, most: float, unit: str, over: Range) -> Iterator[str]:
    for share in (0.0, 0.5, 1.0):
        y = plot.y + plot.height * (1 - share)
        yield f'<path d="M{plot.x:.1f} {y:.1f}h{plot.width:.1f}" stroke="{_FAINT}"/>'
        yield _text(plot.x - 6, y + 4, _shown(share * most, unit), anchor="end", colour=_SOFT)
    for share in (0.0, 0.5, 1.0):
        at = datetime.fromtimestamp(over.start + share * (over.end - over.start), UTC)
        anchor = {0.0: "start", 0.5: "middle", 1.0: "end"}[share]
        place = plot.x + share * plot.width, plot.y + plot.height + 16
        yield _text(*place, f"{at:%H:%M:%S}", anchor=anchor, colour=_SOFT)


def _line(series: Series, plot: Place, most: float, over: Range, colour: str) -> Iterator[str]:
    path, before = [], -math.inf
    for at, value in series.points:
        x = plot.x + (at - over.start) / (over.end - over.start) * plot.width
        within = min(max(value, 0.0), most)  # what is beyond the axis is drawn at its end
        y = plot.y + plot.height * (1 - within / most)
        path.append(f"{'M' if at - before > 1.5 * over.step else 'L'}{x:.0f} {y:.1f}")
        before = at
    yield f'<path d="{"".join(path)}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def _ceiling(most: float, unit: str) -> float:
    """The next round number, as it is shown."""
    if most <= 0:
        return 1.0
    size = _scale(most, unit)[0]
    magnitude = 10.0 ** math.floor(math.log10(most / size)) * size
    return next(m * magnitude for m in (1, 2, 4, 6, 8, 10) if m * magnitude >= most)


def _scale(value: float, unit: str) -> tuple[float, str]:
    scales = _SCALES.get(unit, ((1, ""),))
    return next((scale for scale in scales if abs(value) >= scale[0]), scales[-1])


def _shown(value: float, unit: str) -> str:
    if unit == "percentunit":
        return f"{value:.1%}".replace(".0%", "%")
    size, name = _scale(value, unit)
    return (
        f"{value / size:.3g}{name}"
        if 0 < value / size < 100
        else f"{value / size:.0f}{name}"
        if value
        else "0"
    )


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int = 11,
    anchor: str = "start",
    colour: str = _INK,
    weight: str = "normal",
) -> str:
    style = f'font-size="{size}" text-anchor="{anchor}" fill="{colour}" font-weight="{weight}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'
