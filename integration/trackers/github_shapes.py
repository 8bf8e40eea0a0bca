"""What GitHub says, in our words, and what we say, in GitHub's: the half of the adapter that needs no network.

Answers and what is wrong with them, the paths of what we ask for, and JSON as people, comments, sightings, issues and
what they are tied to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urlsplit

from integration.stages.model import (
    Carrier,
    ClosedAs,
    Comment,
    Happened,
    Issue,
    Label,
    Person,
    Ref,
    Related,
    Sighting,
    Tie,
)
from integration.stages.texts.markdown import markdown
from integration.stages.texts.markup import Text
from integration.trackers import Gone, Locked, Refused, Unavailable

GHOST = Person("", "ghost", "ghost")  # how GitHub shows an account that was deleted
LONGEST_WAIT = timedelta(days=1)  # whatever a rate limit says
_SLACK = timedelta(seconds=1)
_MAY_TRIAGE = frozenset({"triage", "write", "maintain", "admin"})
_MARKER = re.compile(r"(?:\A|\n)<!-- release-stages: (?P<token>\S+) -->\s*\Z")

Raw = dict[str, Any]


# --- answers, and what is wrong with them -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """What GitHub said to one request; `doing` is what we wanted, `effect` whether asking changes something there.

    `wait` is until when all of us rest, where GitHub wants that and names no time.
    """

    doing: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    text: str = field(repr=False)
    effect: bool = False
    wait: datetime | None = None

    def one(self) -> Raw:
        """The answer as one object. Raises `Unavailable`."""
        said = self._json()
        if not isinstance(said, dict):
            raise self.odd()
        return said

    def many(self) -> list[Raw]:
        """The answer as a list. Raises `Unavailable`."""
        said = self._json()
        if not isinstance(said, list):
            raise self.odd()
        return [entry for entry in said if isinstance(entry, dict)]

    def _json(self) -> object:
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            raise self.odd() from None

    def odd(self) -> Unavailable:
        """For an answer that is not what the API promises."""
        return Unavailable(f"GitHub gave an answer that we cannot read, while {self.doing}", unknown=self.effect)

    @property
    def message(self) -> str:
        """GitHub's own words about what is wrong."""
        try:
            said = json.loads(self.text)
        except (ValueError, RecursionError):
            return ""
        if not isinstance(said, dict):
            return ""
        errors = said.get("errors")
        faults = [each for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []
        more = [str(each.get("message") or f"{each.get('field')} {each.get('code')}") for each in faults]
        return "; ".join([str(said.get("message") or ""), *more])[:300]


@contextmanager
def reading(answer: Answer) -> Iterator[None]:
    """Around what takes an answer apart."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError):
        raise answer.odd() from None


def come_back(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """When an answer's headers let us ask again, a day from now at the latest; None where they name no time."""
    if (seconds := headers.get("retry-after", "")).isdecimal():
        return now + min(timedelta(seconds=int(seconds[:12])), LONGEST_WAIT)
    if headers.get("x-ratelimit-remaining") == "0" and (reset := headers.get("x-ratelimit-reset", "")).isdecimal():
        latest = now + LONGEST_WAIT
        at = datetime.fromtimestamp(min(int(reset[:12]), latest.timestamp()), UTC)
        return min(max(at, now) + _SLACK, latest)
    return None


def fault(answer: Answer, now: datetime, again: datetime | None) -> Unavailable | Refused | Gone:
    """The error for an answer that is no success; `again` is when GitHub lets us come back, if it said so."""
    if again:
        return Unavailable(f"GitHub asks us to wait until {again:%H:%M:%S} UTC, while {answer.doing}", retry_at=again)
    if answer.status >= 500 or answer.status == 408:
        later = come_back(answer.headers, now)
        words = f"GitHub answered {answer.status}, while {answer.doing}"
        return Unavailable(words, retry_at=later, unknown=answer.effect)
    if answer.status in {404, 410, 451}:
        words = f"GitHub answered {answer.status}, while {answer.doing}"
        return Gone(f"{words}: it is not there, or not for our account to see")
    said = f" ({answer.message})" if answer.message else ""
    if shut := _shut(answer):
        return Locked(f"GitHub refused{said}, while {answer.doing}: {shut}")
    if answer.status == 401:
        return Refused(
            f"GitHub does not accept how we sign in, while {answer.doing}{said}: renew GITHUB_TOKEN, or compare "
            "GITHUB_APP_ID with GITHUB_APP_PRIVATE_KEY"
        )
    return Refused(f"GitHub refused{said}, while {answer.doing}{_needed(answer)}")


def _shut(answer: Answer) -> str:
    """What has shut the issue to us, and what opens it; empty where an answer says no such thing."""
    words = answer.message.casefold() if answer.status == 403 else ""
    if "repository was archived" in words:
        return "somebody who administers the repository has to unarchive it"
    if "issue is locked" in words:
        return (
            "somebody has to unlock the conversation, or to give our account write access; an App cannot speak in a "
            "locked one"
        )
    return ""


def _needed(answer: Answer) -> str:
    """Which permission would have done, as the answer's headers name it."""
    if answer.status != 403:
        return ""
    if accepted := answer.headers.get("x-accepted-github-permissions", ""):
        ways = [" and ".join(way.strip().replace("=", ": ").split(",")) for way in accepted.split(";")]
        return f": our account or App needs the permission {' or '.join(ways)}"
    if scopes := answer.headers.get("x-accepted-oauth-scopes", ""):
        return f": our token needs one of the scopes {scopes}"
    return ": our account or App lacks a permission"


# --- paths ------------------------------------------------------------------------------------------------------------


def in_path(name: str) -> str:
    """A name in a path. GitHub wants slashes as they are, unless they would lead the request somewhere else."""
    leads_away = any(part in {"", ".", ".."} for part in name.split("/"))
    return quote(name, safe="" if leads_away else "/")


def place_path(ref: Ref) -> str:
    """Where a repository is."""
    return f"/repos/{in_path(ref.place)}"


def issue_path(ref: Ref) -> str:
    """Where an issue is."""
    return f"{place_path(ref)}/issues/{ref.number}"


def comment_path(ref: Ref, comment_id: str) -> str:
    """Where a comment is."""
    return f"{place_path(ref)}/issues/comments/{quote(comment_id, safe='')}"


def team_path(team: str) -> str:
    """Where a team is, written as `acme/support`."""
    org, _, slug = team.partition("/")
    return f"/orgs/{quote(org, safe='')}/teams/{quote(slug, safe='')}"


# --- GitHub's words in ours -------------------------------------------------------------------------------------------


def as_time(text: str) -> datetime:
    """A time, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def as_person(raw: Raw | None) -> Person:
    """An account; one that was deleted is `GHOST`."""
    if not raw:
        return GHOST
    login = raw["login"]
    return Person(id=str(raw["id"]), handle=login, name=login, bot=raw.get("type") == "Bot")


def may_triage(raw: Raw) -> bool:
    """Does somebody's permission in a repository let them triage its issues?"""
    if (raw.get("role_name") or raw.get("permission")) in _MAY_TRIAGE:
        return True
    may = ((raw.get("user") or {}).get("permissions") or {}).get("triage")
    return bool(may or raw.get("permission") in _MAY_TRIAGE)  # a role that the organisation made itself


def lives_at(raw: Raw, asked: Ref) -> Ref:
    """Where the issue that was answered lives: `asked` itself, in whatever case its place was written."""
    parts = urlsplit(raw.get("repository_url") or "").path.rstrip("/").split("/")
    place = "/".join(parts[-2:]) if len(parts) > 1 else asked.place
    number = int(raw["number"])
    same = place.lower() == asked.place.lower() and number == asked.number
    return asked if same else Ref("github", "", place, number)


def as_issue(
    ref: Ref, raw: Raw, timeline: Iterable[Raw], me: Person, comments: tuple[Comment, ...], deleted: frozenset[str]
) -> Issue:
    """One whole issue, from its two answers and what was asked beside them."""
    return Issue(
        ref=ref,
        title=raw["title"],
        body=raw.get("body") or "",
        url=raw["html_url"],
        author=as_person(raw.get("user")),
        me=me,
        created=as_time(raw["created_at"]),
        watermark=as_time(raw["updated_at"]),
        closed=_closed(raw),
        labels=tuple(Label(str(label["id"]), label["name"]) for label in raw["labels"]),
        sightings=_sightings(timeline),
        comments=comments,
        is_pull_request=raw.get("pull_request") is not None,
        deleted_labels=deleted,
        type=_type(raw),
    )


def _type(raw: Raw) -> str:
    kind = raw.get("type")
    return str(kind.get("name") or "") if isinstance(kind, dict) else ""


def _closed(raw: Raw) -> ClosedAs:
    if raw["state"] != "closed":
        return ClosedAs.OPEN
    return ClosedAs.NOT_PLANNED if raw.get("state_reason") in {"not_planned", "duplicate"} else ClosedAs.DONE


def label_events(timeline: Iterable[Raw]) -> list[Raw]:
    """The entries that tell of labels, in order."""
    events = [entry for entry in timeline if entry.get("event") in {"labeled", "unlabeled"} and entry.get("label")]
    return sorted(events, key=lambda event: (as_time(event["created_at"]), event["id"]))


def _sightings(timeline: Iterable[Raw]) -> tuple[Sighting, ...]:
    return tuple(
        Sighting(
            id=str(event["id"]),
            at=as_time(event["created_at"]),
            actor=as_person(event.get("actor")),
            carrier=Carrier.LABEL,
            what=Happened.ADDED if event["event"] == "labeled" else Happened.REMOVED,
            name=event["label"]["name"],
            value_id=str(event["label"].get("id") or ""),
            app=str((event.get("performed_via_github_app") or {}).get("id") or ""),
        )
        for event in label_events(timeline)
    )


def names_on(raw: Raw) -> set[str]:
    """The labels that an issue has, in small letters."""
    return {label["name"].lower() for label in raw["labels"]}


def torn(raw: Raw, timeline: Iterable[Raw]) -> bool:
    """Did a label change after the issue was read and before its history was?"""
    read_at = as_time(raw["updated_at"])
    newer = {
        event["label"]["name"].lower(): event["event"] == "labeled"
        for event in label_events(timeline)
        if as_time(event["created_at"]) > read_at
    }
    on = names_on(raw)
    return any((name in on) != put for name, put in newer.items())


def missing_labels(raw: Raw, timeline: Iterable[Raw]) -> list[str]:
    """Labels that were put on and never taken off, but are not on; the last put on stands last."""
    standing: dict[str, str] = {}
    for event in label_events(timeline):
        name = event["label"]["name"]
        standing.pop(name.lower(), None)
        if event["event"] == "labeled":
            standing[name.lower()] = name
    on = names_on(raw)
    return [name for lowered, name in standing.items() if lowered not in on]


def as_comment(raw: Raw) -> Comment:
    """A comment, ours without the marker line that is its token."""
    body = (raw.get("body") or "").replace("\r\n", "\n")
    ours = _MARKER.search(body)
    created = as_time(raw["created_at"])
    return Comment(
        id=str(raw["id"]),
        at=created,
        author=as_person(raw.get("user") or raw.get("actor")),
        body=body[: ours.start()].rstrip("\n") if ours else body,
        url=raw.get("html_url") or "",
        edited=as_time(raw.get("updated_at") or raw["created_at"]) > created + _SLACK,
        mentions=mentions(raw.get("body_html") or ""),
        token=ours["token"] if ours else "",
    )


def marked(text: Text, token: str) -> str:
    """Our words as a comment's body: Markdown, and last the marker line."""
    return f"{markdown(text)}\n\n<!-- release-stages: {token} -->"


# --- what an issue is tied to -----------------------------------------------------------------------------------------

VIA = {Tie.SUB_ISSUE: "sub-issue", Tie.BLOCKING: "is blocked by", Tie.LINKED: "is mentioned in"}
_CONNECTED = "is connected with"
_LINKS = {"cross-referenced": VIA[Tie.LINKED], "connected": _CONNECTED, "disconnected": ""}


@dataclass(frozen=True, slots=True)
class Ties:
    """What an issue's own two answers tell: how many ties there are to ask for (None: not said), and the links."""

    parts: int | None
    blockers: int | None
    linked: tuple[Related, ...]


def as_ties(ref: Ref, raw: Raw, timeline: Iterable[Raw]) -> Ties:
    """The ties that the issue and its timeline tell of."""
    parts = _count(raw, "sub_issues_summary", "total")
    blockers = _count(raw, "issue_dependencies_summary", "total_blocked_by")
    address = urlsplit(str(raw.get("parent_issue_url") or "")).path.split("/")
    whole = f"{'/'.join(address[-4:-2])}#{address[-1]}"  # it lists its parts, and waits for this one: no link
    links = _linked(ref, timeline)
    return Ties(parts, blockers, tuple(one for one in links if one.key.lower() != whole.lower()))


def _count(raw: Raw, summary: str, name: str) -> int | None:
    said = raw.get(summary)
    count = said.get(name) if isinstance(said, dict) else None
    return count if isinstance(count, int) else None


def _linked(ref: Ref, timeline: Iterable[Raw]) -> tuple[Related, ...]:
    """The issues that mention this one or were connected with it; pull requests do so all the time, and are none.

    A stranger may mention any public issue: mentions count from places of the same owner alone.
    """
    owner = _owner(ref)
    found: dict[str, Related] = {}
    for entry in timeline:
        via, source = _LINKS.get(str(entry.get("event"))), entry.get("source")
        issue = source.get("issue") if isinstance(source, dict) else None
        if via is None or not isinstance(issue, dict) or issue.get("pull_request") is not None:
            continue
        one = as_related(issue, Tie.LINKED, via)
        if via == VIA[Tie.LINKED] and _owner(one.ref) != owner:
            continue
        same = one.key.lower()
        if via and same != ref.key.lower():
            found[same] = one
        elif same in found and found[same].via == _CONNECTED:
            del found[same]
    return tuple(found.values())


def _owner(ref: Ref | None) -> str:
    return ref.place.partition("/")[0].lower() if ref else ""


def as_related(raw: Raw, tie: Tie, via: str = "") -> Related:
    """A tied issue. Of one that we may not see GitHub shows little or nothing: what does not say "closed" is open."""
    ref, title, url = _where(raw), str(raw.get("title") or ""), str(raw.get("html_url") or "")
    labels = raw["labels"] if isinstance(raw.get("labels"), list) else []
    return Related(
        key=ref.key if ref else title or url or "an issue out of our sight",
        title=title,
        url=url,
        tie=tie,
        is_open=raw.get("state") != "closed",
        ref=ref,
        via=via or VIA[tie],
        type=_type(raw),
        labels=tuple(str(label.get("name") or "") for label in labels if isinstance(label, dict)),
    )


def _where(raw: Raw) -> Ref | None:
    """Where a tied issue lives; it may be in any repository."""
    repository, number = raw.get("repository"), raw.get("number")
    place = str(repository.get("full_name") or "") if isinstance(repository, dict) else ""
    address = urlsplit(str(raw.get("repository_url") or "")).path.strip("/").split("/")
    place = place or "/".join(address[-2:])
    return Ref("github", "", place, number) if place.count("/") == 1 and isinstance(number, int) else None


def strongest(*found: Iterable[Related]) -> tuple[Related, ...]:
    """Each issue once, by the first of its ties: give the strong ones first."""
    kept: dict[str, Related] = {}
    for one in (one for some in found for one in some):
        kept.setdefault(one.key.lower(), one)
    return tuple(kept.values())


# --- mentions ---------------------------------------------------------------------------------------------------------


class _Mentions(HTMLParser):
    """Finds the mentions that GitHub rendered as links, outside what is quoted from somebody else."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: set[str] = set()
        self._quotes = 0
        self._inside: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "blockquote":
            self._quotes += 1
        elif tag == "a" and not self._quotes:
            classes = (dict(attrs).get("class") or "").split()
            self._inside = [] if {"user-mention", "team-mention"} & set(classes) else None

    def handle_data(self, data: str) -> None:
        if self._inside is not None:
            self._inside.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "blockquote":
            self._quotes = max(0, self._quotes - 1)
        elif tag == "a" and self._inside is not None:
            self.found.add("".join(self._inside).strip().removeprefix("@").lower())
            self._inside = None


def mentions(html: str) -> frozenset[str]:
    """Who is mentioned in a rendered comment, in small letters, without the @."""
    page = _Mentions()
    page.feed(html)
    page.close()
    return frozenset(page.found - {""})
