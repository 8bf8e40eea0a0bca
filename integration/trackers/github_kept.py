"""What we keep of an issue that was read, to read less of it the next time; and when that may be believed. Pure.

GitHub's two answers are kept cut down to what is looked at. The issue itself is always asked for again: what is kept
counts only while the issue says that nothing has happened but what we said there ourselves. Then its history need not
be read; and where it must be, the pages before the last one need not, as long as they still fit to it.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from html import escape
from typing import Any

from integration.trackers import Refused
from integration.trackers.github_shapes import Raw, as_time, label_events, mentions, missing_labels, names_on

PAGE = 100
_SLACK = timedelta(seconds=1)  # GitHub's stamps of a comment and of its issue are cut to the second, each by itself
_OF_ISSUE = (
    "number", "title", "body", "state", "state_reason", "html_url", "repository_url", "created_at", "updated_at",
    "comments", "parent_issue_url",
)  # fmt: skip
_OF_ENTRY = ("id", "event", "created_at", "updated_at", "body", "html_url")
_OURS = ("updated_at", "comments", "pinned_comment")  # what our own words change of an issue
_TOLD = frozenset({"labeled", "unlabeled", "commented"})  # the entries that a snapshot is made of


@dataclass(slots=True)
class Kept:
    """An issue and its history as they were read, and what we have said there since.

    `sure` when the two agreed: the history may lag behind the issue, and what is missing then must not be kept.
    """

    etag: str
    raw: Raw
    timeline: list[Raw]
    deleted: list[str]
    sure: bool
    said: list[Raw] = field(default_factory=list)
    stamps: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, etag: str, raw: Raw, timeline: Sequence[Raw], deleted: frozenset[str]) -> Kept:
        """What is worth keeping of two answers."""
        cut = [cut_entry(entry) for entry in timeline]
        return cls(etag, cut_issue(raw), cut, sorted(deleted), _agree(raw, cut, deleted))

    @classmethod
    def unpacked(cls, packed: Any) -> Kept | None:
        """As it was packed; None where it is not, or by another release."""
        try:
            return cls(**packed) if isinstance(packed, dict) else None
        except TypeError:
            return None

    def packed(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    @property
    def history(self) -> list[Raw]:
        """The timeline, with what we said after it was read."""
        return [*self.timeline, *self.said]

    def still_holds(self, raw: Raw) -> bool:
        """Has nothing happened to the issue since, as it tells of itself now, but what we said there?"""
        was, now = dict(self.raw), cut_issue(raw)
        grown = now.get("comments", 0) - was.get("comments", 0)
        latest = max(map(as_time, (was["updated_at"], *self.stamps)))
        if not self.sure or grown != len(self.said) or as_time(now["updated_at"]) > latest + self._slack:
            return False
        return all(was.get(name) == now.get(name) for name in {*was, *now} - {*_OURS})

    @property
    def _slack(self) -> timedelta:
        return _SLACK if self.stamps else timedelta(0)

    def relabelled(self, labels: Sequence[Raw], timeline: Sequence[Raw]) -> Kept:
        """The same after we have changed its labels, with the history that was read since."""
        changed = max((event["created_at"] for event in label_events(timeline)), key=as_time, default="")
        updated = max((self.raw["updated_at"], *self.stamps, changed or self.raw["updated_at"]), key=as_time)
        said = sum(entry.get("event") == "commented" for entry in self.said)
        raw = {**self.raw, "labels": labels, "updated_at": updated, "comments": self.raw.get("comments", 0) + said}
        now = Kept.of("", raw, timeline, frozenset(self.deleted))  # the tag of before says nothing of it
        now.stamps.append(updated)
        last = {event["label"]["name"].lower(): event["event"] == "labeled" for event in label_events(timeline)}
        told = all(entry.get("event") in _TOLD for entry in timeline[len(self.history) :])  # else the text is another
        now.sure = now.sure and told and all(last.get(name, False) for name in names_on(raw))
        return now

    def say(self, posted: Raw) -> None:
        """We have posted a comment: this is GitHub's answer."""
        self.said.append(cut_entry({**posted, "event": "commented"}))
        self.stamps.append(posted["created_at"])

    def edit(self, changed: Raw) -> None:
        """We have changed a comment of our own: this is GitHub's answer."""
        self.stamps.append(changed["updated_at"])
        for entries in (self.timeline, self.said):
            for place, entry in enumerate(entries):
                if entry.get("event") == "commented" and entry["id"] == changed["id"]:
                    entries[place] = {**entry, **cut_entry({**changed, "event": "commented"})}

    @property
    def last_page(self) -> int:
        """The number of the last page that we know of."""
        return max(0, len(self.timeline) - 1) // PAGE + 1

    def before(self, page: int, entries: Sequence[Raw]) -> list[Raw] | None:
        """What stands before this page, if the page as it is now still fits on; else everything is to be read."""
        start = (page - 1) * PAGE
        if not entries or start >= len(self.timeline) or self.timeline[start]["mark"] != _mark(entries[0]):
            return None
        return self.timeline[:start]


@dataclass(frozen=True, slots=True)
class Stored:
    """A file of a repository as it was read, and the tag by which GitHub tells whether it has changed."""

    etag: str
    content: str  # base64, as GitHub writes it

    @classmethod
    def of(cls, etag: str, raw: Raw, doing: str) -> Stored:
        """What GitHub answered. Raises `Refused` for what is no file, and for one that is too large to be shown."""
        if raw["type"] != "file":
            raise Refused(f"there is a {raw['type']} in place of a file, while {doing}")
        if raw["encoding"] != "base64":
            raise Refused(f"the file is too large ({raw['size']} bytes), while {doing}")
        return cls(etag, "".join(raw["content"].split()))

    @classmethod
    def unpacked(cls, packed: Any) -> Stored | None:
        """As it was packed; None where it is not."""
        return cls(**packed) if isinstance(packed, dict) and packed.keys() == {"etag", "content"} else None

    def packed(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    @property
    def raw(self) -> bytes:
        """What is in the file. Raises `ValueError` where that is not what GitHub promises."""
        return b64decode(self.content, validate=True)


def _agree(raw: Raw, timeline: Sequence[Raw], deleted: frozenset[str]) -> bool:
    """Does the history account for each label and each comment that the issue has?"""
    said = sum(entry.get("event") == "commented" for entry in timeline)
    put = {event["label"]["name"].lower() for event in label_events(timeline) if event["event"] == "labeled"}
    missing = set(missing_labels(raw, timeline)) - deleted
    return raw.get("comments") == said and names_on(raw) <= put and not missing


def _mark(entry: Raw) -> str:
    """By what an entry of a timeline is known again; not all kinds have an id."""
    if "mark" in entry:
        return str(entry["mark"])
    known = entry.get("id") or entry.get("node_id") or entry.get("sha") or entry.get("created_at")
    return f"{entry.get('event')}:{known}"


def cut_issue(raw: Raw) -> Raw:
    """An issue without what we do not look at."""
    cut = {name: raw[name] for name in _OF_ISSUE if name in raw}
    cut["user"] = _cut(raw.get("user"), "id", "login", "type")
    cut["labels"] = [_cut(label, "id", "name") for label in raw["labels"]]
    for name, inside in _INSIDE.items():
        if name in raw:
            cut[name] = _cut(raw[name], *inside)
    return cut


_INSIDE = {
    "pull_request": (), "type": ("name",), "pinned_comment": ("id",),
    "sub_issues_summary": ("total",), "issue_dependencies_summary": ("total_blocked_by",),
}  # fmt: skip


def cut_entry(entry: Raw) -> Raw:
    """An entry of a timeline without what we do not look at; of most kinds only that it is there."""
    if entry.get("event") not in _TOLD:
        return {"mark": _mark(entry)}
    cut = {name: entry[name] for name in _OF_ENTRY if name in entry} | {"mark": _mark(entry)}
    for name, inside in (("actor", _PERSON), ("user", _PERSON), ("label", ("id", "name")),
                         ("performed_via_github_app", ("id",))):  # fmt: skip
        if name in entry:
            cut[name] = _cut(entry[name], *inside)
    if "body_html" in entry:  # of which only the mentions are looked at
        named = sorted(mentions(entry["body_html"] or ""))
        cut["body_html"] = "".join(f'<a class="user-mention">@{escape(one)}</a>' for one in named)
    return cut


_PERSON = ("id", "login", "type")


def _cut(raw: Any, *names: str) -> Any:
    return {name: raw[name] for name in names if name in raw} if isinstance(raw, Mapping) else raw
