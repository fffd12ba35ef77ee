"""Pictures of figures: bars and curves as plain SVG, dark on white."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

from worker.lab.bench.figures import Spread

_WIDTH: Final = 880
_LABELS: Final = 290
_BAR: Final = 18
_STEP: Final = 28
_HEAD: Final = 44
_CUT_AT: Final = 2  # times the second longest
_PLOT_HEIGHT: Final = 200
_LEGEND: Final = 300
_COLOURS: Final = ("#1f5fa8", "#c2571a", "#2f7d4f", "#7a4b9a")
_OURS: Final = "#1f5fa8"
_OTHERS: Final = "#9aa7b4"
_INK: Final = "#1c2530"
_FAINT: Final = "#d5dbe1"


class Bars(NamedTuple):
    """Values by name; those named in ``ours`` stand out. The thin line is the spread.

    One that is far beyond all others is cut off, so that the others can be distinguished.
    """

    title: str
    values: Sequence[tuple[str, Spread]]
    ours: Sequence[str]


class Curves(NamedTuple):
    """Lines by name, each of points (x, y); both axes begin at the least value, x is logarithmic."""

    title: str
    x_title: str
    lines: Sequence[tuple[str, Sequence[tuple[float, float]]]]


def drawn(panels: Sequence[Bars | Curves]) -> str:
    """One picture with the panels below each other."""
    parts, top = [], 16.0
    for panel in panels:
        body, height = _bars(panel, top) if isinstance(panel, Bars) else _curves(panel, top)
        parts.append(body)
        top += height
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top:.0f}" width="{_WIDTH}" '
        f'height="{top:.0f}" font-family="sans-serif" font-size="13" fill="{_INK}">'
    )
    return "\n".join(
        [head, '<rect width="100%" height="100%" fill="#ffffff"/>', *parts, "</svg>", ""]
    )


def _bars(panel: Bars, top: float) -> tuple[str, float]:
    longest = _longest(panel)
    scale = (_WIDTH - _LABELS - 140) / longest
    lines = [_text(16, top + 18, panel.title, weight="bold")]
    for number, (name, value) in enumerate(panel.values):
        y = top + _HEAD + number * _STEP
        colour = _OURS if name in panel.ours else _OTHERS
        least, median, most = (
            min(each, longest) for each in (value.least, value.median, value.most)
        )
        cut = " (cut off)" if most < value.most else ""
        lines += [
            _text(_LABELS - 8, y + 14, name, anchor="end"),
            _box(_LABELS, y, median * scale, colour),
            _line(_LABELS + least * scale, y + 9, _LABELS + most * scale, y + 9, _INK),
            _text(_LABELS + most * scale + 8, y + 14, f"{value.median:,.0f}{cut}"),
        ]
    return "\n".join(lines), _HEAD + _STEP * len(panel.values) + 16


def _longest(panel: Bars) -> float:
    ordered = sorted((value.most for _, value in panel.values), reverse=True)
    return min(ordered[0], _CUT_AT * ordered[1]) if len(ordered) > 1 else ordered[0]


def _curves(panel: Curves, top: float) -> tuple[str, float]:
    points = [point for _, line in panel.lines for point in line]
    xs, most = [math.log10(x) for x, _ in points], max(y for _, y in points)
    left, bottom = 90.0, top + _HEAD + _PLOT_HEIGHT
    wide = (_WIDTH - left - _LEGEND) / ((max(xs) - min(xs)) or 1)

    def at(x: float, y: float) -> tuple[float, float]:
        return left + (math.log10(x) - min(xs)) * wide, bottom - y / most * _PLOT_HEIGHT

    lines = [_text(16, top + 18, panel.title, weight="bold")]
    for share in (0, 0.5, 1):
        y = bottom - share * _PLOT_HEIGHT
        lines += [
            _line(left, y, _WIDTH - _LEGEND, y, _FAINT),
            _text(left - 8, y + 4, f"{share * most:,.3g}", anchor="end"),
        ]
    for x in sorted({x for x, _ in points}):
        lines.append(_text(at(x, 0)[0], bottom + 18, f"{x:,.0f}", anchor="middle"))
    lines.append(_text((left + _WIDTH - _LEGEND) / 2, bottom + 38, panel.x_title, anchor="middle"))
    for number, (name, line) in enumerate(panel.lines):
        lines += _curve(
            name, [at(x, y) for x, y in line], _COLOURS[number % len(_COLOURS)], number, top
        )
    return "\n".join(lines), _HEAD + _PLOT_HEIGHT + 64


def _curve(
    name: str, points: Sequence[tuple[float, float]], colour: str, number: int, top: float
) -> list[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points]
    legend = top + _HEAD + 12 + number * 20
    return [
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
        *dots,
        _line(_WIDTH - _LEGEND + 15, legend - 4, _WIDTH - _LEGEND + 35, legend - 4, colour),
        _text(_WIDTH - _LEGEND + 42, legend, name),
    ]


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    style = f'text-anchor="{anchor}" font-weight="{weight}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'


def _box(x: float, y: float, width: float, colour: str) -> str:
    return f'<rect x="{x}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{colour}"/>'


def _line(x: float, y: float, to_x: float, to_y: float, colour: str) -> str:
    ends = f'x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="1.5"/>'
