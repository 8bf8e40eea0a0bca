"""How pages write things: lengths of time, moments, names, links; filters for templates, and what all pages share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Flask, render_template, request, url_for
from markupsafe import Markup

from integration.stages.file.mappings import Mappings
from integration.stages.model import Ref
from integration.stages.texts.addresses import of_the_web, unbroken
from integration.stages.texts.chronicle import Names
from integration.web.entrance.visitors import current
from integration.web.pages.books import Books, called
from integration.web.pages.veil import hides

_UNITS = ((365 * 86400, "year"), (30 * 86400, "month"), (86400, "day"), (3600, "hour"), (60, "minute"))
_COARSE = timedelta(minutes=15)  # below this, hours with one digit tell little


def length(span: timedelta) -> str:
    """A length in its largest unit: `3 days`."""
    seconds = max(0, int(span.total_seconds()))
    for size, unit in _UNITS:
        if seconds >= size:
            many = seconds // size
            return f"{many} {unit}{'' if many == 1 else 's'}"
    return "moments"


def amount(span: timedelta) -> str:
    """As figures tell it, in hours or days with one digit behind the point: `4.6 h`, `12.3 d`; short: `4 min`."""
    hours = span / timedelta(hours=1)
    if timedelta() < span < _COARSE:
        return _fine(span)
    return f"{hours:.1f} h" if abs(hours) < 48 else f"{hours / 24:.1f} d"


def hours(span: timedelta) -> str:
    """Working time, in hours: a working day has another length for each party."""
    return _fine(span) if timedelta() < span < _COARSE else f"{span / timedelta(hours=1):.1f} h"


def _fine(span: timedelta) -> str:
    """What would be nearly nothing in hours: `4 min`, `under 1 min`."""
    return f"{span // timedelta(minutes=1)} min" if span >= timedelta(minutes=1) else "under 1 min"


class Shown:
    """What one page's templates need of the file in force: names of stages and parties, and the time zone."""

    def __init__(self, mappings: Mappings | None, now: datetime) -> None:
        self.now = now
        self.zone = ZoneInfo(mappings.time_zone) if mappings else UTC
        self.stages: dict[str, str] = dict(mappings.stages) if mappings else {}
        known = mappings.parties if mappings else {}
        self.parties = {key: called(key, one.name) for key, one in known.items()}
        self.version = mappings.hash if mappings else ""

    @classmethod
    def of(cls, books: Books) -> Shown:
        """By the file in force, now."""
        return cls(books.mappings, datetime.now(UTC))

    def stage(self, key: str | None) -> str:
        """A stage as people read it."""
        return self.stages.get(key, key) if key else "No stage"

    def hue(self, key: str | None) -> str:
        """The class that gives a stage its colour."""
        return f"s{list(self.stages).index(key) % 6}" if key in self.stages else "s-none"

    def party(self, key: str) -> str:
        """A party as people read it."""
        return self.parties.get(key) or called(key)

    def ago(self, at: datetime | None) -> str:
        """How long ago: `3 days`."""
        return length(self.now - at) if at else ""

    def day(self, at: datetime) -> str:
        """`30 Nov 2026`, on the file's clock."""
        local = at.astimezone(self.zone)
        return f"{local.day} {local:%b %Y}"

    def soon(self, at: datetime) -> str:
        """`at 09:12 GMT` where that is today, else the day: a day that is today tells nobody when."""
        today = at.astimezone(self.zone).date() == self.now.astimezone(self.zone).date()
        return f"at {at.astimezone(self.zone):%H:%M %Z}" if today else self.day(at)

    def short(self, at: datetime) -> str:
        """`30 Nov`, or `Nov 2025` where it was another year."""
        local = at.astimezone(self.zone)
        return f"{local.day} {local:%b}" if local.year == self.now.astimezone(self.zone).year else f"{local:%b %Y}"

    def month(self, key: str) -> str:
        """`Nov 2026` for `2026-11`."""
        return f"{datetime(int(key[:4]), int(key[5:]), 1, tzinfo=UTC):%b %Y}"

    def moment(self, at: datetime) -> str:
        """`30 Nov 2026, 09:12 GMT`, on the file's clock."""
        local = at.astimezone(self.zone)
        return f"{self.day(at)}, {local:%H:%M} {local.tzname()}"

    def until(self, at: datetime) -> str:
        """When something ends: `27 Nov 2026`, where that is the end of the day, else with its hour."""
        local = at.astimezone(self.zone)
        return self.moment(at) if local.hour or local.minute else self.day(at - timedelta(minutes=1))

    def names(self) -> Names:
        """How the log's entries are told to whoever asks now."""
        return Names(self.stages, self.parties, self.zone, hides(current()))

    def time(self, at: datetime | None, form: str = "ago") -> Markup:
        """As an element that tells the exact moment, too. `form`: ago, for, day, moment, until."""
        if at is None:
            return Markup("")
        words = {
            "ago": f"{self.ago(at)} ago", "for": self.ago(at), "day": self.day(at), "moment": self.moment(at),
            "until": self.until(at),
        }[form]  # fmt: skip
        stamp, title = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), self.moment(at)
        return Markup('<time datetime="{}" title="{}">{}</time>').format(stamp, title, words)


def called_version(name: str) -> tuple[str, ...]:
    """A verdict's version of the rules in its parts: of mappings.yaml; with + before it, of a repository's file."""
    ours, plus, own = name.partition("+")
    return tuple(part for part in (ours, plus + own) if part)


def tracker(ref: Ref) -> str:
    """What people call where the issue lives."""
    return "GitHub" if ref.tracker == "github" else "Jira"


def address(ref: Ref) -> str:
    """The feature's page."""
    return url_for("pages.feature", ref=str(ref))


@lru_cache(2048)  # a page asks it of hundreds, and mostly of the same
def outside(url: str) -> str:
    """An address of a tracker as a link may hold it; empty where it is not plainly one of the web."""
    return url if of_the_web(url) and unbroken(url) else ""


def coded(words: str) -> Markup:
    """Our own words, in which backticks mark commands."""
    parts = words.split("`")
    return Markup("").join(Markup("<code>{}</code>").format(one) if at % 2 else one for at, one in enumerate(parts))


def with_(changes: Mapping[str, Any]) -> str:
    """This page's address with some of its questions changed; None takes one away."""
    asked = {**request.args.to_dict(flat=False), **changes}
    kept = {name: value for name, value in asked.items() if value not in (None, "", [""])}
    return f"{request.path}?{urlencode(kept, doseq=True)}" if kept else request.path


def install(app: Flask) -> None:
    """Make all of this known to the templates."""
    app.jinja_env.filters.update(
        tracker=tracker, address=address, outside=outside, span=length, amount=amount, hours=hours, coded=coded
    )
    app.jinja_env.globals.update(here_with=with_)


def page(template: str, books: Books, **more: Any) -> str:
    """A whole page, with all that the templates share; what somebody wrote and UTF-8 cannot hold is a mark."""
    written = render_template(template, shown=more.pop("shown", None) or Shown.of(books), **more)
    return written.encode("utf-8", "replace").decode()
