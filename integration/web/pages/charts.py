"""Charts as inline SVG: pygal draws, and what it brings of styles, scripts and addresses is taken off.

Pages are served under a policy that refuses styles beside the stylesheet, so a chart's colours are those of its classes
there. Whoever sees no chart has its table below it; the chart itself says in a sentence what it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

import pygal
from markupsafe import Markup
from pygal.style import Style

WIDTH, BAR, LEAST = 760, 44, 150
_FONT, _SIZE = "sans-serif", 13
_KEPT = {
    "svg": ("viewBox", "class", "role", "aria-label"),
    "g": ("class", "transform"),
    "rect": ("class", "x", "y", "width", "height", "rx", "ry"),
    "path": ("class", "d"),
    "line": ("class", "x1", "x2", "y1", "y2"),
    "circle": ("class", "cx", "cy", "r"),
    "text": ("class", "x", "y", "transform"),
    "title": (),
}
_DROPPED = ("visually-hidden", "no_data", "tooltip", "overlay")  # groups that only pygal's own script fills


@dataclass(frozen=True, slots=True)
class Series:
    """Bars of one colour: their name, and a value for each label; None where there is none."""

    name: str
    values: tuple[float | None, ...]


def over_time(says: str, labels: Sequence[str], series: Sequence[Series]) -> Markup:
    """Columns that stand on one another, for counts."""
    chart = pygal.StackedBar(height=260, min_scale=2, max_scale=6, **_settings(whole))
    return _drawn(chart, says, labels, series)


def side_by_side(
    says: str, labels: Sequence[str], series: Sequence[Series], write: Callable[[float], str], stacked: bool = False
) -> Markup:
    """Bars that lie, for a few things with long names; those of one name beneath each other, or in one line."""
    kind = pygal.HorizontalStackedBar if stacked else pygal.HorizontalBar
    height = max(LEAST, 60 + BAR * len(labels) * (1 if stacked or len(series) < 2 else 1.4))
    chart = kind(height=int(height), min_scale=2, max_scale=6, **_settings(write))
    return _drawn(chart, says, labels[::-1], [Series(one.name, one.values[::-1]) for one in series])


def _settings(write: Callable[[float], str]) -> dict[str, object]:
    style = Style(label_font_family=_FONT, major_label_font_family=_FONT, label_font_size=_SIZE,
                  major_label_font_size=_SIZE)  # fmt: skip
    return {
        "width": WIDTH, "js": (), "css": (), "style": style, "show_legend": False, "value_formatter": write,
        "print_zeroes": False, "margin": 8, "spacing": 6,
    }  # fmt: skip


def whole(value: float) -> str:
    """A count on an axis; nothing between two counts."""
    return str(int(value)) if value == int(value) else ""


def _drawn(chart: pygal.graph.graph.Graph, says: str, labels: Sequence[str], series: Sequence[Series]) -> Markup:
    chart.x_labels = labels
    for one in series:
        chart.add(one.name, one.values)
    return Markup(bare(chart.render_tree(), says))  # noqa: S704 - of what pygal has drawn, `bare` keeps shapes and texts


def bare(tree: ElementTree.Element, says: str) -> str:
    """The drawing with nothing in it but shapes, their classes and texts: no style, script, link or comment."""
    clean = _clean(tree)
    if clean is None:
        return ""
    clean.set("role", "img")
    clean.set("aria-label", says)
    clean.set("class", "chart")
    return ElementTree.tostring(clean, "unicode")


def _clean(node: ElementTree.Element) -> ElementTree.Element | None:
    name = node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""
    kept = _KEPT.get(name)
    if kept is None or name == "title" or set(_DROPPED) & set(node.get("class", "").split()):
        return None
    new = ElementTree.Element(name, {key: node.attrib[key] for key in kept if key in node.attrib})
    new.text = node.text if name == "text" else None
    new.extend(child for one in node if (child := _clean(one)) is not None)
    return new
