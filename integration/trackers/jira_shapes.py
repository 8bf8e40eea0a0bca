"""Jira's JSON in our words: issues with their history, comments, people, and what an issue is tied to.

Pure: what is asked, and when, is for `jira.py`. An odd shape raises what Python raises; `jira.py` makes an error of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from integration.stages.model import (
    NOBODY,
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
    Status,
    Tie,
    Unnamed,
)
from integration.trackers import Refused

PROPERTY = "release-stages"  # the comment property that holds our marker
TIES = ("subtasks", "issuelinks")  # the fields that tell what an issue is tied to
TIED = "summary,issuetype,labels"  # what we want to know of an issue that another one is tied to

_KEY = re.compile(r"[A-Z][A-Z0-9_]*-\d+")
_NOT_PLANNED = frozenset({
    "abandoned", "can't reproduce", "cancelled", "canceled", "cannot reproduce", "declined", "duplicate", "invalid",
    "not a bug", "obsolete", "rejected", "withdrawn", "won't do", "won't fix", "wont do", "wont fix",
})  # fmt: skip


# --- issues -----------------------------------------------------------------------------------------------------------


class Reading:
    """One issue as Jira, which is at `home`, sent it; to be read into an `Issue`."""

    def __init__(
        self,
        home: str,
        ref: Ref,
        me: Person,
        raw: Mapping[str, Any],
        log: list[dict[str, Any]],
        talk: list[dict[str, Any]],
    ) -> None:
        self.home, self.ref, self.me = home, ref, me
        self.fields: Mapping[str, Any] = raw["fields"]
        self.names: Mapping[str, str] = raw.get("names") or {}
        self.log = sorted(log, key=lambda one: (_when(one["created"]), len(str(one["id"])), str(one["id"])))
        self.talk = talk

    def issue(self) -> Issue:
        """The snapshot."""
        fields = self.fields
        created = _when(fields["created"])
        return Issue(
            ref=self.ref,
            title=fields.get("summary") or "",
            body=_text(fields.get("description")),
            url=page(self.home, self.ref.key),
            author=self._opener(),
            me=self.me,
            created=created,
            watermark=_when(fields.get("updated") or fields["created"]),
            closed=_closed(fields),
            labels=tuple(Label(name, name) for name in fields.get("labels") or ()),
            status=self._status(),
            sightings=(*self._at_birth(created), *(s for one in self.log for s in _sightings(one))),
            comments=tuple(comment(self.home, self.ref, raw) for raw in self.talk),
            fields=_fields(fields, self.names),
            type=_name(fields.get("issuetype")),
        )

    def _opener(self) -> Person:
        return person(self.fields.get("creator") or self.fields.get("reporter"))

    def _status(self) -> Status | None:
        raw = self.fields.get("status")
        return Status(str(raw["id"]), raw["name"]) if raw else None

    def _at_birth(self, created: datetime) -> Iterator[Sighting]:
        """Jira's changelog begins after the creation: what stood then is what the first change tells of before."""
        items = [item for one in self.log for item in one.get("items") or ()]
        changed = next((item for item in items if about(item) == "status"), None)
        now = self._status()
        first = Status(str(changed.get("from") or ""), changed.get("fromString") or "") if changed else now
        if first:
            opener, became = self._opener(), Happened.BECAME
            yield Sighting("created", created, opener, Carrier.STATUS, became, first.name, first.id)
        tagged = next((item for item in items if about(item) == "labels"), None)
        labels = (tagged.get("fromString") or "").split() if tagged else self.fields.get("labels") or ()
        for n, name in enumerate(labels):
            yield Sighting(f"created-{n}", created, self._opener(), Carrier.LABEL, Happened.ADDED, name, name)


def _sightings(history: Mapping[str, Any]) -> Iterator[Sighting]:
    """What one entry of the changelog tells of status and labels."""
    key, at, actor = str(history["id"]), _when(history["created"]), person(history.get("author"))
    items = [item for item in history.get("items") or () if about(item)]
    several = len(items) > 1
    number = 0
    for item in items:
        if about(item) == "status":
            yield Sighting(
                f"{key}-{number}" if several else key, at, actor, Carrier.STATUS, Happened.BECAME,
                item.get("toString") or "", str(item.get("to") or ""),
                item.get("fromString") or "", str(item.get("from") or ""),
            )  # fmt: skip
            number += 1
            continue
        was, now = (item.get("fromString") or "").split(), (item.get("toString") or "").split()
        changes = [(name, Happened.ADDED) for name in now if name not in was]
        changes += [(name, Happened.REMOVED) for name in was if name not in now]
        for name, what in changes:
            yield Sighting(f"{key}-{number}", at, actor, Carrier.LABEL, what, name, name)
            number += 1


def about(item: Mapping[str, Any]) -> str:
    """`status` or `labels` when it is Jira's own field of that name, not somebody's custom field; else empty."""
    field = str(item.get("field") or "").lower()
    return field if field in ("status", "labels") and item.get("fieldtype", "jira") != "custom" else ""


def person(raw: Mapping[str, Any] | None) -> Person:
    """A user as Cloud (account id) or Data Center (name, and a key that stays when the name changes) tells them."""
    if not raw:
        return NOBODY
    handle = raw.get("accountId") or raw.get("name") or raw.get("key") or ""
    stays = raw.get("accountId") or raw.get("key") or handle
    return Person(stays, handle, raw.get("displayName") or "", raw.get("accountType") == "app")


# --- comments ---------------------------------------------------------------------------------------------------------


def comment(home: str, ref: Ref, raw: Mapping[str, Any]) -> Comment:
    """A comment; its body is wiki markup (v2) or a document (v3), which tells only whom it mentions."""
    body, created = raw.get("body"), _when(raw["created"])
    # What only a role or a group may read is no proof that somebody was told.
    named = frozenset[str]() if raw.get("visibility") else _mentions(body)
    return Comment(
        id=str(raw["id"]),
        at=created,
        author=person(raw.get("author")),
        body=_text(body),
        url=f"{page(home, ref.key)}?focusedCommentId={raw['id']}#comment-{raw['id']}",
        edited=_when(raw.get("updated") or raw["created"]) > created,
        mentions=named,
        token=_token(raw.get("properties") or ()),
    )


def marked(body: str | Mapping[str, Any], token: str) -> dict[str, Any]:
    """What is sent as a comment: the text in the site's form, and our marker as its property."""
    return {"body": body, "properties": [{"key": PROPERTY, "value": {"token": token}}]}


def _token(properties: Iterable[Mapping[str, Any]]) -> str:
    for one in properties:
        if one.get("key") == PROPERTY and isinstance(value := one.get("value"), dict):
            return _text(value.get("token"))
    return ""


_NAMED = re.compile(r"(?<!\\)(?:\\\\)*\[~(?:accountid:)?(?P<handle>[^\]\[|\n]+)\]")
_MUTE = re.compile(r"\{(?P<block>noformat|code|quote)(?P<more>[:}])|\{\{|^[ \t]*bq\.", re.MULTILINE)


def _mentions(body: Any) -> frozenset[str]:
    """Who is mentioned; in markup outside code and quotes: the API gives it back as Jira understood it."""
    if isinstance(body, Mapping):
        return frozenset(str(node["attrs"]["id"]).lower() for node in _nodes(body) if node.get("type") == "mention")
    return frozenset(found["handle"].strip().lower() for found in _NAMED.finditer(_spoken(_text(body))))


def _spoken(body: str) -> str:
    """Markup without its code and quotes. One pass, as anybody may write anything, many times."""
    kept, at, place = list[str](), 0, 0
    until = _Ends(body)
    while found := _MUTE.search(body, place):
        end = _mute_until(found, until)
        place = end if end else found.start() + 1
        if end:
            kept.append(body[at : found.start()])
            at = end
    return " ".join([*kept, body[at:]])


def _mute_until(found: re.Match[str], until: _Ends) -> int:
    """Where the code or quote that may begin here is over; 0 where it is none."""
    start, line = found.end(), until.after(found.end(), "\n")
    if found[0].endswith("bq."):
        return line
    if found[0] == "{{":
        close = until.after(start, "}}")
        return close + 2 if close < line else 0
    if found["more"] == ":":
        start = until.after(start, "}") + 1
        if start > line:
            return 0
    last = f"{{{found['block']}}}"
    return min(until.after(start, last) + len(last), until.length)


class _Ends:
    """Where a text has its next closing mark. Asked from front to back, it looks at each sign once for each mark."""

    def __init__(self, text: str) -> None:
        self._text, self.length = text, len(text)
        self._next: dict[str, int] = {}

    def after(self, place: int, mark: str) -> int:
        """The place of the first such mark from there on; the text's length where there is none."""
        if self._next.get(mark, -1) < place:
            found = self._text.find(mark, place)
            self._next[mark] = found if found >= 0 else self.length
        return self._next[mark]


def _nodes(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All nodes of a document, however deep."""
    waiting = [document]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node.get("content") or ()


# --- fields and ways --------------------------------------------------------------------------------------------------


def _closed(fields: Mapping[str, Any]) -> ClosedAs:
    category = ((fields.get("status") or {}).get("statusCategory") or {}).get("key")
    resolution = _name(fields.get("resolution"))
    if category != "done" or not resolution:
        return ClosedAs.OPEN
    dropped = resolution.replace("’", "'").strip().lower() in _NOT_PLANNED
    return ClosedAs.NOT_PLANNED if dropped else ClosedAs.DONE


def _fields(fields: Mapping[str, Any], names: Mapping[str, str]) -> Mapping[str, str]:
    """The filled fields that are text or a choice, by id and by name; Jira's own win over custom ones so named."""
    found: dict[str, str] = {}
    for key in sorted(fields, key=lambda one: (one.startswith("customfield_"), one)):
        if words := _chosen(fields[key]):
            found[key] = words
            found.setdefault(names.get(key) or key, words)
    return MappingProxyType(found)


def _chosen(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return ", ".join(words for one in value if (words := _chosen(one)))
    if not isinstance(value, dict):
        return ""
    return _text(value.get("value")) or _text(value.get("name"))


def stands(status: Mapping[str, Any], wanted: str) -> bool:
    """Whether this status is the wanted one, by id or by name."""
    return str(status["id"]) == wanted or status["name"].casefold() == wanted.casefold()


def by_name(to: Iterable[str]) -> str:
    """These statuses as people know them: by their names, not by their ids."""
    return " or ".join(one for one in to if not one.isdecimal()) or "the status that it should have"


def way(offered: Sequence[Mapping[str, Any]], fields: Mapping[str, Any], to: Sequence[str]) -> Mapping[str, Any]:
    """The transition to take from where an issue with these `fields` stands. Raises `Refused`, in words."""
    missing: list[str] = []
    leading = [(wanted, one) for wanted in to for one in offered if stands(one["to"], wanted)]
    for _, one in leading:
        if not one.get("isAvailable", True):
            continue
        if not (needs := _needs(one, fields)):
            return one
        missing.append(f"the transition '{one['name']}' to {one['to']['name']} wants {' and '.join(needs)} filled in")
    if missing:
        raise Refused("; ".join(missing))
    goal = leading[0][1]["to"]["name"] if leading else by_name(to)
    raise Refused(
        f"no transition leads back from {fields['status']['name']} to {goal} that the service's account may use"
    )


def _needs(transition: Mapping[str, Any], filled: Mapping[str, Any]) -> list[str]:
    """The fields that Jira would miss: what is filled in on the issue stays, and what has a default gets it."""
    fields = (transition.get("fields") or {}).items()
    missing = [(key, f) for key, f in fields if f.get("required") and not f.get("hasDefaultValue")]
    return [f.get("name") or key for key, f in missing if not filled.get(key)]


# --- what an issue is tied to -----------------------------------------------------------------------------------------


def ties(home: str, site: str, fields: Mapping[str, Any]) -> list[Related]:
    """The sub-tasks and linked issues that the fields of an issue tell of, each as it is embedded there."""
    found = [_tied(home, site, raw, Tie.SUB_ISSUE, "sub-task") for raw in fields.get("subtasks") or ()]
    for link in fields.get("issuelinks") or ():
        # Jira names the other end by its side of the link, and that side's words are said of our issue.
        for side, words in (("inwardIssue", "inward"), ("outwardIssue", "outward")):
            if other := link.get(side):
                via = _text((link.get("type") or {}).get(words)).strip()
                tie = Tie.BLOCKING if "blocked by" in via.casefold() else Tie.LINKED
                found.append(_tied(home, site, other, tie, via))
    return list(dict.fromkeys(found))


def whole(one: Related, raw: Mapping[str, Any] | None) -> Related:
    """The same with what a search tells of it, labels too; as it is where there is nothing of it to be seen.

    Whether it is open is told by the link: Cloud's search may lag behind.
    """
    if raw is None:
        return one
    fields = raw["fields"]
    labels = tuple(_text(label) for label in fields.get("labels") or ())
    title = _text(fields.get("summary")) or one.title
    return replace(one, title=title, type=_name(fields.get("issuetype")) or one.type, labels=labels)


def unknown_keys(keys: Iterable[str], said: Iterable[str]) -> set[str]:
    """Those of the keys that Jira's words about a search name: issues that are not there, or not for us."""
    named = {word for words in said for word in _KEY.findall(words)}
    return {key for key in keys if key in named}


def linked_page(raw: Mapping[str, Any]) -> Related:
    """A remote link: a page somewhere that people have linked to the issue."""
    there = raw["object"]
    url = _text(there.get("url"))
    title = _text(there.get("title")) or url
    return Related(title, title, url, Tie.PAGE, via=_text(raw.get("relationship")))


def page(home: str, key: str) -> str:
    """Where people look at an issue."""
    return f"{home}/browse/{key}"


def named(site: str, key: str) -> Ref | None:
    """The ref of an issue's key, where it is one as we write them."""
    try:
        return Ref.parse(f"jira:{site}/{key}")
    except Unnamed:
        return None


def _tied(home: str, site: str, raw: Mapping[str, Any], tie: Tie, via: str) -> Related:
    key, fields = raw["key"], raw.get("fields") or {}
    title, kind = _text(fields.get("summary")), _name(fields.get("issuetype"))
    return Related(key, title, page(home, key), tie, _is_open(fields), named(site, key), via, kind)


def _is_open(fields: Mapping[str, Any]) -> bool:
    return ((fields.get("status") or {}).get("statusCategory") or {}).get("key") != "done"


def _name(raw: Mapping[str, Any] | None) -> str:
    return _text((raw or {}).get("name"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _when(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
