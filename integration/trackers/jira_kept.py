"""What we keep of a Jira issue that was read, so that the next snapshot of it is one read. Pure.

Jira shows an issue with its newest changes and its comments, but a long history only in parts, and a comment's marker
only when it is asked for. A change is never changed again, so those that we know need not be read anew; a marker holds
as long as its comment was not updated. The issue itself is read each time, and everything is measured by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from integration.trackers.jira_shapes import PROPERTY, about

Json = dict[str, Any]
SHORT = 100  # as many comments and changes as Jira may show with the issue; nothing of them is kept
_PERSON = ("accountId", "name", "key", "displayName", "accountType")


@dataclass(slots=True)
class Known:
    """Of one issue: the changes, the comments where there are many, and the markers of our own ones by comment."""

    log: list[Json] = field(default_factory=list)
    talk: list[Json] = field(default_factory=list)
    markers: dict[str, list[Any]] = field(default_factory=dict)

    @classmethod
    def unpacked(cls, packed: Any) -> Known:
        """As it was packed; nothing where it is not, or by another release."""
        try:
            return cls(**packed) if isinstance(packed, dict) else cls()
        except TypeError:
            return cls()

    def packed(self) -> Json:
        """As JSON has it."""
        return asdict(self)

    # --- changes

    def with_newest(self, shown: Sequence[Json], total: int) -> list[Json] | None:
        """The whole history, from what we know and the newest changes that Jira shows; None when there is a gap."""
        known = {str(one["id"]) for one in self.log}
        new = [one for one in shown if str(one["id"]) not in known]
        meets = len(new) < len(shown)
        return [*self.log, *new] if meets and len(self.log) + len(new) == total else None

    def learn_log(self, log: Sequence[Json]) -> None:
        """This is the whole history."""
        self.log = [_cut_change(one) for one in log] if len(log) > SHORT else []

    # --- comments

    def marked(self, shown: Sequence[Json], ours: set[str]) -> list[Json] | None:
        """The comments, ours with their markers; None when there is one of ours whose marker we do not know."""
        found = []
        for one in shown:
            known = self.markers.get(str(one["id"])) if str(one["id"]) in ours else None
            if known and known[0] == one.get("updated"):
                found.append({**one, "properties": known[1]})
            elif str(one["id"]) in ours:
                return None
            else:
                found.append(one)
        return found

    def learn_talk(self, talk: Sequence[Json], ours: set[str]) -> None:
        """These are all comments, ours with their properties."""
        self.talk = list(talk) if len(talk) > SHORT else []
        self.markers = {}
        for one in talk:
            if str(one["id"]) in ours:
                self.learn_marker(one, one.get("properties") or [])

    def learn_marker(self, said: Mapping[str, Any], properties: Sequence[Any]) -> None:
        """This comment is ours, and has these properties."""
        own = [one for one in properties if isinstance(one, dict) and one.get("key") == PROPERTY]
        self.markers[str(said["id"])] = [said.get("updated"), own]


def cut_person(raw: Mapping[str, Any]) -> Json:
    """A user without what we do not look at."""
    return {name: raw[name] for name in _PERSON if name in raw}


def _cut_change(change: Json) -> Json:
    """A change without what we do not look at."""
    author = change.get("author")
    shown = cut_person(author) if isinstance(author, dict) else author
    items = [item for item in change.get("items") or () if about(item)]
    return {"id": change["id"], "created": change["created"], "author": shown, "items": items}
