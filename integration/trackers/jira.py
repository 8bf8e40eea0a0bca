"""Jira, Cloud and Data Center, as a `Tracker`: which requests there are. How one is carried is in `jira_wire.py`.

Everything is read in v2, which shows bodies one way on both: as wiki markup. Cloud's own form is a document (ADF, v3),
in which quoted text is never parsed: comments are written in it there, unless the settings say 2.

A snapshot is one read, the issue with changelog and comments. A second one reads the comments with their properties
when one of them is ours (an embedded comment comes without properties), and further pages are read on Cloud alone,
where an issue embeds only the newest hundred entries of its changelog.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import quote

from integration.settings import JiraSettings
from integration.stages.model import Carrier, Comment, Issue, Label, Person, Ref, Related, Status
from integration.stages.texts.adf import adf
from integration.stages.texts.markup import Text
from integration.stages.texts.wiki import wiki
from integration.trackers import EVERYTHING, Gone, Locked, Question, Refused, Unavailable, beside
from integration.trackers.changes import Listed, Page
from integration.trackers.jira_kept import Known, cut_person
from integration.trackers.jira_shapes import (
    TIED,
    TIES,
    Reading,
    by_name,
    comment,
    linked_page,
    marked,
    named,
    person,
    stands,
    ties,
    unknown_keys,
    way,
    whole,
)
from integration.trackers.jira_wire import PAGE, TOTAL, Rejected, Wire, bounded
from integration.trackers.jira_world import JiraWorld
from integration.trackers.pace import FACTS_FOR, Pace, Shelf, keep, kept

MEMBERS = 10
_AT_HAND = 32  # snapshots of the last runs; a run has one
_KEPT_FOR = timedelta(days=3)
_MINUTE = timedelta(minutes=1)
_INDEXED = timedelta(minutes=5)  # so long a search may not know a new issue
SEARCHES, READS = 3, 10  # at most: for one page of tied issues; of single ones, where no search is answered


# --- the tracker ------------------------------------------------------------------------------------------------------

_VIEW = "user/viewissue/search"
_BLIND = "our account may not look up people: it needs the global permission 'Browse users and groups'"


@dataclass(slots=True)
class _Read:
    """The last snapshot of an issue: what its fields tell beside counts until somebody asks."""

    known: Known
    watermark: datetime
    ties: Mapping[str, Any] | None
    standing: Mapping[str, Any] | None
    names: Mapping[str, str]
    secured: Mapping[str, Any] | None = None
    created: str = ""
    offered: list[Any] | None = None

    def __post_init__(self) -> None:
        self.secured = (self.ties or {}).get("security")
        self.created = str((self.ties or {}).get("created", ""))

    def told_of_ties(self) -> Mapping[str, Any] | None:
        """The fields that tell of ties; None when they were asked for before."""
        told, self.ties = self.ties, None
        return told

    def told_of_standing(self) -> Mapping[str, Any] | None:
        """The fields that tell where the issue stands; None when they were asked for before."""
        told, self.standing = self.standing, None
        return told

    def told_of_ways(self) -> list[Any] | None:
        """The transitions with their fields; None where they were not told with it, or were asked for before."""
        told, self.offered = self.offered, None
        return told if told and all("fields" in one for one in told) else None


def _ours(comments: Iterable[Mapping[str, Any]], me: Person) -> set[str]:
    return {str(one["id"]) for one in comments if person(one.get("author")).id == me.id}


class Jira:
    """One Jira site. Fulfils `Tracker`; may be shared by threads."""

    def __init__(
        self, settings: JiraSettings, total: float = TOTAL, *, pace: Pace | None = None, shelf: Shelf | None = None
    ) -> None:
        self.wire = Wire(settings, total, pace, shelf)
        self.site, self.url = self.wire.site, self.wire.url
        self.cloud, self.api = settings.cloud, settings.api
        self._myself: Person | None = None
        self._last: dict[Ref, _Read] = {}

    def __str__(self) -> str:
        return f"Jira ({self.site})"

    @bounded
    def account(self) -> Person:
        """Who we are there."""
        return self._me()

    @bounded
    def fetch(self, ref: Ref, fresh: bool = False) -> Issue:
        """Read one whole snapshot. Raises `Gone` with `now` when the issue lives elsewhere.

        One read where the markers of our comments, and the older part of a long history, are known.
        """
        return self._read(ref, Known() if fresh else Known.unpacked(kept(self.wire.shelf, self._on_shelf(ref))))

    @bounded
    def recheck(self, ref: Ref, issue: Issue) -> Issue:
        """The issue as it is now: one read, which tells the ways from its status, too, where Jira expands them."""
        last = self._last.get(ref)
        known = last.known if last else Known()
        return replace(self._read(ref, known, "changelog,names,transitions.fields"), related=issue.related)

    def _read(self, ref: Ref, known: Known, expand: str = "changelog,names") -> Issue:
        me = self._me()
        raw = self.wire.get(self._issue(ref), f"read {ref}", expand=expand, fields="*all,-attachment,-worklog")
        if raw["key"] != ref.key:
            raise self._moved(ref, raw["key"])
        before = known.packed()
        try:
            comments = self._comments(ref, raw["fields"].get("comment") or {}, me, known)
            log = self._histories(ref, raw, known)
        except Gone as gone:  # it was there a moment ago: whether it still is, the next look tells
            raise Unavailable(f"{self} shows {ref}, but not all of it: {gone}") from None
        issue = Reading(self.url, ref, me, raw, log, comments).issue()
        self._last.pop(ref, None)
        fields, names = raw["fields"], raw.get("names") or {}
        self._last[ref] = _Read(known, issue.watermark, fields, fields, names, offered=raw.get("transitions"))
        for old in list(self._last)[:-_AT_HAND]:
            self._last.pop(old, None)
        if known.packed() != before:
            keep(self.wire.shelf, self._on_shelf(ref), known.packed(), _KEPT_FOR, soon=True)
        return issue

    def _on_shelf(self, ref: Ref) -> str:
        return f"{self.wire.account}:issue:{ref}"

    def room(self, ref: Ref, comments: int = 0, writes: int = 0) -> None:
        """Raises `Unavailable`, unsent, when so many new comments and other changes are too much at this moment."""
        self.wire.room(ref.key, f"what is to be done on {ref}", comments, writes)

    @bounded
    def say(self, ref: Ref, text: Text, token: str) -> Comment:
        """Post a comment that carries `token` in a property; the answer tells whom it mentions."""
        sent = self._written(text, token)
        with self._changing(ref):
            posted = self.wire.post(f"{self._issue(ref)}/comment", f"comment on {ref}", sent, self.api)
        self._spoken(ref, posted, sent)
        said = comment(self.url, ref, {**sent, **posted, "properties": sent["properties"]})
        return said if said.body else replace(said, body=wiki(text, self.cloud))

    @bounded
    def edit(self, ref: Ref, comment_id: str, text: Text, token: str) -> None:
        """Replace the text of a comment of our own. Raises `Gone` when somebody deleted it."""
        path = f"{self._issue(ref)}/comment/{quote(comment_id, safe='')}"
        quiet = {"notifyUsers": "false"} if self.cloud else {}
        with self._changing(ref):
            try:
                sent = self._written(text, token)
                self._spoken(ref, self.wire.put(path, f"edit our comment on {ref}", sent, self.api, **quiet), sent)
            except Refused:
                # Data Center answers 400 for a comment that was deleted: asking for it tells.
                self.wire.get(path, f"read our comment on {ref}")
                raise

    @contextlib.contextmanager
    def _changing(self, ref: Ref) -> Iterator[None]:
        """Around what changes an issue: an archived one refuses all of it, and not one answer says that it is that."""
        try:
            yield
        except Refused as no:
            if not self._is_archived(ref):
                raise
            refused = str(no)
        else:
            return
        raise Locked(f"{ref} is archived, or in an archived project: an admin of {self} has to restore it ({refused})")

    def _is_archived(self, ref: Ref) -> bool:
        """What can be read and is in no search is archived; but a search may not know yet what is new."""
        last = self._last.get(ref)
        if last is None or not last.created or datetime.now(UTC) - datetime.fromisoformat(last.created) < _INDEXED:
            return False
        try:
            return next(self._search(f"key = {ref.key}", f"look whether {ref} is archived"), None) is None
        except Rejected as no:
            return bool(unknown_keys([ref.key], no.said))
        except (Refused, Gone, Unavailable):
            return False

    def _spoken(self, ref: Ref, answer: Any, sent: Mapping[str, Any]) -> None:
        """Remember the marker of what we said: the comment need not be read for it."""
        last = self._last.get(ref)
        if last and isinstance(answer, dict) and "id" in answer and "updated" in answer:
            last.known.learn_marker(answer, sent["properties"])
            keep(self.wire.shelf, self._on_shelf(ref), last.known.packed(), _KEPT_FOR)

    def _written(self, text: Text, token: str) -> dict[str, Any]:
        return marked(adf(text) if self.api == "3" else wiki(text, self.cloud), token)

    @bounded
    def remove(self, ref: Ref, comment_id: str) -> None:
        """Delete a comment of our own; fine if it is gone already."""
        with contextlib.suppress(Gone):
            path = f"{self._issue(ref)}/comment/{quote(comment_id, safe='')}"
            self.wire.delete(path, f"delete our comment on {ref}")

    def react(self, ref: Ref, comment_id: str, sign: str) -> None:
        """Nothing: Jira's REST API knows no reactions."""

    def pin(self, ref: Ref, comment_id: str) -> None:
        """Nothing: Jira's REST API pins no comments."""

    @bounded
    def related(self, ref: Ref, issue: Issue, wanted: frozenset[str] = EVERYTHING) -> tuple[Related, ...]:
        """Its sub-tasks and linked issues, its linked pages, or both. Right after `fetch` the issue is not read again.

        An embedded issue has no labels: all that are open are looked up by one search. One that we may not see stays as
        it is embedded. Raises `Gone` with `now` when the issue lives elsewhere.
        """
        doing = f"read what {ref} is tied to"
        last = self._last.get(ref)
        told = last.told_of_ties() if last and last.watermark == issue.watermark else None
        found: list[Related] = []
        if "issues" in wanted:
            fields = told or self._ties(ref, doing)
            tied = ties(self.url, self.site, fields)
            seen = self._looked_up(list(dict.fromkeys(one.key for one in tied if one.ref and one.is_open)), doing)
            found += (whole(one, seen.get(one.key)) for one in tied)
        if "pages" in wanted:
            with beside():
                found += map(linked_page, self.wire.glance(f"{self._issue(ref)}/remotelink", doing))
        return tuple(found)

    def _ties(self, ref: Ref, doing: str) -> Mapping[str, Any]:
        raw = self.wire.get(self._issue(ref), doing, fields=",".join(TIES))
        if raw["key"] != ref.key:
            raise self._moved(ref, raw["key"])
        fields: Mapping[str, Any] = raw["fields"]
        return fields

    @bounded
    def put_label(self, ref: Ref, name: str) -> None:
        """Put one label on; fine if it is on already."""
        with self._changing(ref):
            self.wire.put(self._issue(ref), f"put the label {name} on {ref}", {"update": {"labels": [{"add": name}]}})

    @bounded
    def take_label(self, ref: Ref, name: str) -> None:
        """Take one label off; fine if it is not on."""
        changed = {"update": {"labels": [{"remove": name}]}}
        with self._changing(ref):
            self.wire.put(self._issue(ref), f"take the label {name} off {ref}", changed)

    @bounded
    def transition(self, ref: Ref, to: Sequence[str]) -> None:
        """Move the issue to the first status of `to` that a transition leads to; fine if it stands in one of them."""
        doing = f"move {ref} to {by_name(to)}"
        last = self._last.get(ref)
        told = (last.told_of_standing(), last.told_of_ways()) if last else (None, None)
        with self._changing(ref):
            if not (chosen := self._way(ref, to, *told, doing)):
                return
            try:
                self._go(ref, chosen, doing)
            except Refused:
                if told[1] is None:
                    raise
                # The way was told with the issue, and somebody may have moved that since.
                if chosen := self._way(ref, to, None, None, doing):
                    self._go(ref, chosen, doing)

    def _go(self, ref: Ref, way: str, doing: str) -> None:
        self.wire.post(f"{self._issue(ref)}/transitions", doing, {"transition": {"id": way}})

    def _way(
        self, ref: Ref, to: Sequence[str], told: Mapping[str, Any] | None, ways: list[Any] | None, doing: str
    ) -> str:
        """The transition to take; none where it stands there already. `told`: the fields, as a snapshot has them."""
        fields = told or self._standing(ref, doing)
        if any(stands(fields["status"], wanted) for wanted in to):
            return ""
        offered = ways or self._ways(ref, doing)
        try:
            return str(way(offered, fields, to)["id"])
        except Refused:
            if told is None:
                raise
            return self._way(ref, to, None, None, doing)  # somebody may have moved it since

    def _ways(self, ref: Ref, doing: str) -> list[Any]:
        path = f"{self._issue(ref)}/transitions"
        return list(self.wire.get(path, doing, expand="transitions.fields")["transitions"])

    def _standing(self, ref: Ref, doing: str) -> Mapping[str, Any]:
        raw = self.wire.get(self._issue(ref), doing, fields="*all,-comment,-attachment,-worklog")
        if raw["key"] != ref.key:
            raise self._moved(ref, raw["key"])
        fields: Mapping[str, Any] = raw["fields"]
        return fields

    @bounded
    def fill(self, ref: Ref, field: str, text: str) -> None:
        """Write a text field by a transition that leads nowhere else and shows it, as `setup jira` makes one. Else not.

        So nothing that people keep in a field of theirs is overwritten because mappings.yaml names it by mistake.
        """
        doing = f"{'fill' if text else 'empty'} the field {field} of {ref}"
        key = self._field(ref, field, doing)
        offered = self.wire.get(f"{self._issue(ref)}/transitions", doing, expand="transitions.fields")["transitions"]
        loop = next((one for one in offered if one.get("isLooped") and key in (one.get("fields") or {})), None)
        if not loop:
            raise Refused(f"no way of ours shows the field '{field}' on {ref}: run `release-stages setup jira --apply`")
        body = {"transition": {"id": loop["id"]}, "fields": {key: text or None}}
        self.wire.post(f"{self._issue(ref)}/transitions", doing, body)

    def _field(self, ref: Ref, field: str, doing: str) -> str:
        """The id of a field that is known by its name, or by its id."""
        last = self._last.get(ref)
        named = last.names if last else {}
        found = field if field in named else next((key for key, name in named.items() if name == field), "")
        if not found:
            listed = self.wire.get("field", doing)
            found = next((str(one["id"]) for one in listed if field in (one["id"], one["name"])), "")
        if not found:
            raise Refused(f"{self} has no field '{field}': run `release-stages setup jira`, or mend mappings.yaml")
        return found

    @bounded
    def answer(self, ref: Ref, question: Question) -> bool:
        """Whether the person is in the group, or may move issues there (`triage`). Asks Jira now.

        The group costs the global permission "Browse users and groups", triage the project permission "Administer
        projects": the least that lets an account ask about somebody else's rights. Raises `Refused` without it.
        """
        who = question.person.handle
        if question.group:
            return self._in_group(who, question.group)
        if not question.triage:
            raise Refused(f"{self} knows groups, not the team '{question.team}'; name a group for the party's jira")
        try:
            with beside():
                able = self._who_may(ref, "user/permission/search", who, permissions="TRANSITION_ISSUES")
        except Refused as no:
            raise Refused(f"{no}; it needs the project permission 'Administer projects' in {ref.place}") from None
        return able

    @bounded
    def unreached(self, ref: Ref, comment: Comment, handles: Iterable[str]) -> dict[str, str]:
        """Of `handles`, those that this comment cannot have reached, each with the reason in words."""
        reasons = {handle: self._unreached(ref, comment, handle) for handle in dict.fromkeys(handles)}
        return {handle: reason for handle, reason in reasons.items() if reason}

    @bounded
    def members(self, ref: Ref, group: str) -> tuple[str, ...]:
        """The handles of a group's active people, at most ten."""
        on_shelf = f"{self.wire.account}:group:{group}"
        found: list[str] = kept(self.wire.shelf, on_shelf) or []
        if found:
            return tuple(found)
        try:
            for raw in self.wire.pages("group/member", "values", f"list the group {group}", groupname=group):
                somebody = person(raw)
                if raw.get("active", True) and not somebody.bot and somebody.handle not in found:
                    found.append(somebody.handle)
                if len(found) == MEMBERS:
                    break
        except Gone:
            raise Refused(f"{self} has no group '{group}', or hides it from our account") from None
        except Refused as no:
            raise Refused(f"{no}; name the party's users in mappings.yaml instead") from None
        keep(self.wire.shelf, on_shelf, found, FACTS_FOR)
        return tuple(found)

    @bounded
    def called(self, ref: Ref, handle: str) -> str:
        """The display name of this account; the handle itself where Jira does not show it to us."""
        try:
            raw = self.wire.glance("user", f"ask who {handle} is", **self._known_as(handle))
        except (Gone, Refused):
            return handle
        return str(raw.get("displayName") or handle)

    def label_names(self, ref: Ref) -> tuple[Label, ...]:
        """Nothing: Jira's labels are only names, and are not kept apart from the issues."""
        return ()

    def world(self) -> JiraWorld:
        """What is asked before one goes live."""
        return JiraWorld(self)

    # --- people

    def _me(self) -> Person:
        if self._myself is None:
            on_shelf = f"{self.wire.account}:me"
            raw = kept(self.wire.shelf, on_shelf) or self.wire.get("myself", "ask who we are")
            me = person(raw)
            if not me.id:
                raise Unavailable(f"{self} does not say who we are; is {self.wire.variable('URL')} right?")
            keep(self.wire.shelf, on_shelf, cut_person(raw), _KEPT_FOR)
            self._myself = me
        return self._myself

    def _known_as(self, handle: str) -> dict[str, str]:
        return {"accountId": handle} if self.cloud else {"username": handle}

    def _in_group(self, handle: str, group: str) -> bool:
        try:
            raw = self.wire.get("user", f"ask for the groups of {handle}", expand="groups", **self._known_as(handle))
        except Gone:
            return False
        groups = raw["groups"]["items"]
        wanted = group.casefold()
        if any(wanted in (str(one.get("name")).casefold(), str(one.get("groupId")).casefold()) for one in groups):
            return True
        if raw["groups"].get("size", 0) > len(groups):
            raise Refused(f"{self} shows our account only a part of the groups of {handle}")
        return False

    def _who_may(self, ref: Ref, path: str, handle: str, **params: str) -> bool:
        """Whether a search for this one person among those who may finds them."""
        return bool(self._who(ref, path, handle, **params))

    def _who(self, ref: Ref, path: str, handle: str, **params: str) -> list[dict[str, Any]]:
        asked = {"issueKey": ref.key, "maxResults": "1000", **self._known_as(handle), **params}
        found = self.wire.get(path, f"ask what {handle} may do on {ref}", **asked)
        return [raw for raw in found if person(raw).handle.lower() == handle.lower()]

    def _unreached(self, ref: Ref, comment: Comment, handle: str) -> str:
        """Why it cannot have reached them; empty if it has, which is believed for a while in the whole project."""
        if handle.lower() not in comment.mentions:
            return "the comment does not mention them in a way that Jira turns into a link"
        last = self._last.get(ref)
        level = str(((last.secured or {}).get("id") if last else None) or "")
        reached = f"{self.wire.account}:reached:{ref.place}:{level}:{handle}"
        if last and kept(self.wire.shelf, reached):
            return ""
        reason = self._deaf(ref, handle)
        if last and not reason:
            keep(self.wire.shelf, reached, True, FACTS_FOR)
        return reason

    def _deaf(self, ref: Ref, handle: str) -> str:
        """Why a mention of this account reaches nobody; empty when it does: then one question has told it all."""
        with contextlib.suppress(Gone, Refused):
            if any(one.get("active") and not person(one).bot for one in self._who(ref, _VIEW, handle)):
                return ""
        try:
            raw = self.wire.get("user", f"look up {handle}", **self._known_as(handle))
        except Gone:
            return f"{self} knows no such account"
        except Refused:
            return _BLIND
        if not raw.get("active", True):
            return "their account is not active"
        return "it is the account of an app, which nobody reads" if person(raw).bot else self._shut_out(ref, handle)

    def _shut_out(self, ref: Ref, handle: str) -> str:
        """Why they cannot read what they were told; empty if they can."""
        try:
            if self._who_may(ref, _VIEW, handle):
                return ""
            blind = not self._who_may(ref, _VIEW, self._me().handle)
        except Gone as gone:
            return f"we cannot tell whether they may see {ref.key}: {gone}"
        except Refused:
            blind = True
        return _BLIND if blind else f"they may not see {ref.key}"

    # --- reading in pages

    def _histories(self, ref: Ref, raw: Mapping[str, Any], known: Known) -> list[dict[str, Any]]:
        log = raw.get("changelog") or {}
        found: list[dict[str, Any]] = log.get("histories") or []
        whole = log["total"] <= len(found) if "total" in log else len(found) < PAGE
        if self.cloud and not whole:
            path, doing = f"{self._issue(ref)}/changelog", f"read the history of {ref}"
            together = known.with_newest(found, log["total"]) if "total" in log else None
            found = list(self.wire.pages(path, "values", doing)) if together is None else together
        found = list({str(one["id"]): one for one in found}.values())
        known.learn_log(found)
        return found

    def _comments(self, ref: Ref, embedded: Mapping[str, Any], me: Person, known: Known) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = embedded.get("comments") or []
        marked = known.marked(found, _ours(found, me)) if embedded.get("total", 0) <= len(found) else None
        if marked is None:
            marked = list({str(one["id"]): one for one in self._talk(ref, known)}.values())
            known.learn_talk(marked, _ours(marked, me))
        return marked

    def _talk(self, ref: Ref, known: Known) -> list[dict[str, Any]]:
        """All comments with their properties; of many that we know only what came after the last of them."""
        path, doing = f"{self._issue(ref)}/comment", f"read the comments of {ref}"
        if before := len(known.talk):
            new = list(self.wire.pages(path, "comments", doing, first=before - 1, expand="properties"))
            if new and new[0]["id"] == known.talk[-1]["id"]:  # else one of those before was deleted
                return known.talk[:-1] + new
        return list(self.wire.pages(path, "comments", doing, expand="properties"))

    # --- looking up issues

    def _looked_up(self, keys: Sequence[str], doing: str) -> dict[str, dict[str, Any]]:
        """The issues of these keys that we may see; where no search is answered, the first few of them."""
        found: dict[str, dict[str, Any]] = {}
        left: list[str] = []
        for start in range(0, len(keys), PAGE):
            some, unsaid = self._searched(keys[start : start + PAGE], doing)
            found |= some
            left += unsaid
        return found | self._one_by_one(left[:READS], doing)

    def _searched(self, keys: Sequence[str], doing: str) -> tuple[dict[str, dict[str, Any]], Sequence[str]]:
        """The issues of these keys that a search finds, and the keys for which none was answered.

        A key that is not there, or not for us, spoils the whole search: it is named, and left out of the next one.
        """
        for _ in range(SEARCHES):
            if not keys:
                break
            try:
                return {str(raw["key"]): raw for raw in self._search(f"key in ({', '.join(keys)})", doing)}, ()
            except Rejected as no:
                unknown = unknown_keys(keys, no.said)
            if not unknown:
                break
            keys = [key for key in keys if key not in unknown]
        return {}, keys

    def _search(self, jql: str, doing: str) -> Iterator[dict[str, Any]]:
        """What a search finds, page by page: Cloud goes on from a token, Data Center from a number."""
        path, onward = ("search/jql", {}) if self.cloud else ("search", {"validateQuery": "false", "startAt": "0"})
        read = 0
        while True:
            page = self.wire.get(path, doing, jql=jql, fields=TIED, maxResults=str(PAGE), **onward)
            yield from page["issues"]
            read += len(page["issues"])
            onward |= {"nextPageToken": page.get("nextPageToken") or ""} if self.cloud else {"startAt": str(read)}
            if not page["issues"] or not (onward["nextPageToken"] if self.cloud else read < page["total"]):
                return

    # --- lists, for sweeps

    @bounded
    def places(self, patterns: Sequence[str]) -> tuple[str, ...]:
        """The projects that fit: those named as they are; of the others all that our account may browse."""
        globs = [pattern for pattern in patterns if set(pattern) & set("*?[")]
        found = {pattern: None for pattern in patterns if pattern not in globs}
        if globs:
            doing = "list the projects"
            listed = (
                self.wire.pages("project/search", "values", doing) if self.cloud else self.wire.get("project", doing)
            )
            keys = (str(raw["key"]) for raw in listed if not raw.get("archived"))
            found |= {key: None for key in keys if any(fnmatchcase(key, pattern) for pattern in globs)}
        return tuple(found)

    @bounded
    def changed(self, place: str, since: datetime, onward: str = "") -> Page:
        """The issues of a project that changed since then, in the order of that, and some that changed a little before.

        Jira reads a date in its reader's time zone, so we say how many minutes ago. A page goes on from the time of the
        last one's last issue: by its number alone, an issue that changes meanwhile would let another slip. Only where
        all of a page are of two minutes the number counts.
        """
        told, _, cursor = onward.partition(" ")
        begins = datetime.fromisoformat(told) if told else since
        minutes = max(math.ceil((datetime.now(UTC) - begins) / _MINUTE) + 1, 1)
        page = self._listed(place, f'updated >= "-{minutes}m" ORDER BY updated ASC, key ASC', cursor)
        if not page.onward or not page.found:
            return replace(page, onward="")
        last = page.found[-1].updated
        crowded = page.found[0].updated >= last - 2 * _MINUTE
        return replace(page, onward=f"{begins.isoformat()} {page.onward}" if crowded else last.isoformat())

    @bounded
    def carrying(self, place: str, carrier: Carrier, names: Sequence[str], onward: str = "") -> Page:
        """The issues of a project that stand in one of these statuses, or carry one of these labels, the oldest first.

        A search refuses a status that is not there: only those that the project has are asked for.
        """
        if carrier is Carrier.STATUS:
            names = self._statuses(place, names)
        if not names:
            return Page(())
        shown = "status" if carrier is Carrier.STATUS else "labels"
        return self._listed(place, f"{shown} in ({_quoted(names)}) ORDER BY created ASC, key ASC", onward)

    def _statuses(self, place: str, wanted: Sequence[str]) -> Sequence[str]:
        """The ids of those statuses of the project that are called so, or have one of these ids."""
        said = self.wire.get(f"project/{quote(place, safe='')}/statuses", f"read the statuses of {place}")
        found = [one for kind in said for one in kind["statuses"]]
        names = {name.casefold() for name in wanted}
        ids = (str(one["id"]) for one in found if {str(one["id"]), str(one["name"]).casefold()} & names)
        return sorted(set(ids), key=int)

    def _listed(self, place: str, asked: str, cursor: str) -> Page:
        """One page of a search in a project."""
        path, name = ("search/jql", "nextPageToken") if self.cloud else ("search", "startAt")
        onward = {name: cursor} if cursor else {}
        jql, doing = f"project = {_quoted([place])} AND {asked}", f"list the issues of {place}"
        with beside():
            said = self.wire.get(path, doing, jql=jql, fields="status,labels,updated", maxResults=str(PAGE), **onward)
        found = tuple(one for raw in said["issues"] if (one := self._as_listed(raw)))
        if self.cloud:
            return Page(found, str(said.get("nextPageToken") or ""))
        read = int(cursor or 0) + len(said["issues"])
        return Page(found, str(read) if found and read < said["total"] else "")

    def _as_listed(self, raw: Mapping[str, Any]) -> Listed | None:
        fields, ref = raw["fields"], named(self.site, raw["key"])
        status = fields.get("status") or {}
        shown = Status(str(status.get("id", "")), str(status.get("name", "")))
        updated = datetime.fromisoformat(fields["updated"]).astimezone(UTC)
        return Listed(ref, updated, tuple(fields.get("labels") or ()), shown) if ref else None

    def _one_by_one(self, keys: Sequence[str], doing: str) -> dict[str, dict[str, Any]]:
        found = {}
        for key in keys:
            with contextlib.suppress(Gone, Refused):
                found[key] = self.wire.glance(f"issue/{quote(key, safe='')}", doing, fields=TIED)
        return found

    # --- asking

    def _issue(self, ref: Ref) -> str:
        return f"issue/{quote(ref.key, safe='')}"

    def _moved(self, ref: Ref, key: str) -> Gone:
        return Gone(f"{ref} is called {key} today", named(self.site, key))


def _quoted(values: Sequence[str]) -> str:
    """Values in a search, so that none of them is read as a word of the search itself."""
    return ", ".join(json.dumps(value, ensure_ascii=False) for value in values)
