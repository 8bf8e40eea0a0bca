"""Jira's half of `World`: what there is, what we may do there, whom a mention reaches. Reads, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from integration.stages.model import Status
from integration.trackers import Gone, Refused, beside
from integration.trackers.jira_hooks import listed
from integration.trackers.jira_shapes import person, way
from integration.trackers.jira_wire import bounded
from integration.trackers.world import Account, Granted, Hook, Place, Team, WayBack

if TYPE_CHECKING:
    from integration.trackers.jira import Jira

UNSEEN = "only an administrator of Jira may see its webhooks"
_MANY = 50  # members that are counted of a group
_GROUPS = "1000"
_ASKED = (
    "BROWSE_PROJECTS", "ADD_COMMENTS", "EDIT_OWN_COMMENTS", "DELETE_OWN_COMMENTS", "EDIT_ISSUES", "TRANSITION_ISSUES",
    "ADMINISTER_PROJECTS", "USER_PICKER",
)  # fmt: skip


class JiraWorld:
    """The `World` of the Jira site that this adapter reaches."""

    def __init__(self, tracker: Jira) -> None:
        self.tracker, self.wire, self.cloud = tracker, tracker.wire, tracker.cloud
        self._me: Account | None = None

    def __str__(self) -> str:
        return str(self.tracker)

    # --- places -------------------------------------------------------------------------------------------------

    def places(self) -> tuple[Place, ...]:
        """All projects that our account may browse; those that are archived are not among them."""
        return tuple(Place(one, True) for one in self.tracker.places(["*"]))

    @bounded
    def place(self, name: str) -> Place:
        """A project, by the key that it has today."""
        raw = self.wire.glance(f"project/{quote(name, safe='')}", f"read the project {name}")
        return Place(str(raw["key"]), True, "it is archived" if raw.get("archived") else "")

    @bounded
    def signs(self, place: str) -> tuple[Status, ...]:
        """The statuses of a project, those of all its types of work."""
        with beside():
            said = self.wire.get(f"project/{quote(place, safe='')}/statuses", f"read the statuses of {place}")
        found = (Status(str(one["id"]), str(one["name"])) for kind in said for one in kind["statuses"])
        return tuple(dict.fromkeys(found))

    @bounded
    def fields(self) -> frozenset[str]:
        """What fields may be called: by id and by name."""
        fields = self.wire.get("field", "list the fields")
        return frozenset(str(one[part]) for one in fields for part in ("id", "name") if one.get(part))

    # --- ourselves ----------------------------------------------------------------------------------------------

    @bounded
    def me(self) -> Account:
        """Our own account, with the groups that it is in."""
        self._me = self._me or self._account(self.wire.get("myself", "ask who we are", expand="groups"))
        return self._me

    def _account(self, raw: Mapping[str, Any]) -> Account:
        who = person(raw)
        groups = (raw.get("groups") or {}).get("items") or ()
        names = frozenset(str(one.get("name", "")).casefold() for one in groups)
        return Account(who.handle, str(who), bool(raw.get("active", True)), who.bot, names)

    @bounded
    def granted(self, place: str) -> Granted:
        """Which of the permissions that we may need our account has in a project."""
        asked = {"projectKey": place, "permissions": ",".join(_ASKED)} if self.cloud else {"projectKey": place}
        with beside():
            said = self.wire.get("mypermissions", f"ask what we may do in {place}", **asked)["permissions"]
        return Granted("permissions", frozenset(one for one in _ASKED if (said.get(one) or {}).get("havePermission")))

    @bounded
    def used_by_people(self, place: str) -> str:
        """The service reports no issue: whoever did with its account is somebody else."""
        me = self.me()
        if me.bot:
            return ""
        found = self._search(place, f"reporter = {_quoted(me.handle)}", f"look who works with our account in {place}")
        return f"it has reported issues, {found} for one" if found else ""

    # --- people -------------------------------------------------------------------------------------------------

    def _known_as(self, handle: str) -> dict[str, str]:
        return {"accountId": handle} if self.cloud else {"username": handle}

    @bounded
    def person(self, handle: str) -> Account:
        """Somebody's account."""
        return self._account(self.wire.glance("user", f"look up {handle}", **self._known_as(handle)))

    @bounded
    def may_read(self, place: str, handle: str) -> bool:
        """May this person browse the project? Takes the permission to browse users: without it nobody is found."""
        asked = {"projectKey": place, "maxResults": "1000", **self._known_as(handle)}
        found = self.wire.get("user/viewissue/search", f"ask whether {handle} may browse {place}", **asked)
        return any(person(raw).handle.lower() == handle.lower() for raw in found)

    @bounded
    def teams(self, place: str) -> tuple[str, ...]:
        """The groups of the site that we see."""
        with beside():
            said = self.wire.get("groups/picker", "list the groups", query="", maxResults=_GROUPS)
        return tuple(str(one["name"]) for one in said["groups"])

    @bounded
    def team(self, name: str, reads: bool = False) -> Team:
        """A group, with its active people counted as far as fifty. Who may browse what is asked for each of them."""
        size = 0
        for raw in self.wire.pages("group/member", "values", f"list the group {name}", groupname=name):
            size += bool(raw.get("active", True)) and not person(raw).bot
            if size == _MANY:
                break
        return Team(name, size, "" if size else "nobody is in it")

    @bounded
    def is_in(self, team: str, handle: str) -> bool:
        """Is this account in the group?"""
        raw = self.wire.glance("user", f"ask for the groups of {handle}", expand="groups", **self._known_as(handle))
        return team.casefold() in self._account(raw).teams

    # --- workflows, webhooks ------------------------------------------------------------------------------------

    @bounded
    def ways_back(self, place: str, standing: Sequence[str], wanted: Mapping[str, Sequence[str]]) -> WayBack:
        """Seen from the newest issue that stands in one of these statuses: an API shows no other transitions."""
        doing = f"look for the ways back in {place}"
        names = {one.casefold() for one in standing}
        ids = sorted(one.id for one in self.signs(place) if {one.id, one.name.casefold()} & names)
        key = self._search(place, f"status in ({', '.join(map(_quoted, ids))})", doing) if ids else ""
        if not key:
            return WayBack("", {})
        path = f"issue/{quote(key, safe='')}"
        try:
            fields = self.wire.get(path, doing, fields="*all,-comment,-attachment,-worklog")["fields"]
            offered = self.wire.get(f"{path}/transitions", doing, expand="transitions.fields")["transitions"]
        except Gone:  # somebody has just moved or deleted it
            return WayBack("", {})
        shut = {stage: why for stage, to in wanted.items() if (why := _shut(offered, fields, to))}
        return WayBack(key, shut)

    def _search(self, place: str, clause: str, doing: str) -> str:
        """The key of the newest issue of a project that fits; empty where there is none."""
        path = "search/jql" if self.cloud else "search"
        jql = f"project = {_quoted(place)} AND {clause} ORDER BY created DESC"
        with beside():
            found = self.wire.get(path, doing, jql=jql, fields="status", maxResults="1")["issues"]
        return str(found[0]["key"]) if found else ""

    @bounded
    def hooks(self, address: str, places: Sequence[str]) -> tuple[tuple[Hook, ...], tuple[str, ...]]:
        """The webhooks that lead to us, where our account may see any: it seldom may, and need not."""
        try:
            _, _, there = listed(self.wire)
        except (Gone, Refused):
            return (), (UNSEEN,)
        return tuple(_hook(one) for one in there if self._leads_to(str(one.get("url", "")), address)), ()

    def _leads_to(self, url: str, address: str) -> bool:
        """The site's name must follow, which only `main` may leave out: else it is another's. A secret may, too."""
        url, address = url.partition("?")[0].rstrip("/").casefold(), address.rstrip("/").casefold()
        if not address or not f"{url}/".startswith(f"{address}/"):
            return False
        return (url[len(address) :].strip("/").partition("/")[0] or "main") == self.wire.site


def _shut(offered: Sequence[Mapping[str, Any]], fields: Mapping[str, Any], to: Sequence[str]) -> str:
    """Why no transition leads to one of these statuses; empty where one does."""
    try:
        way(offered, fields, to)
    except Refused as no:
        return str(no)
    return ""


def _hook(raw: Mapping[str, Any]) -> Hook:
    signed = raw.get("isSigned")
    events = frozenset(str(one) for one in raw.get("events") or ())
    return Hook(
        str(raw.get("name", "")), events, bool(raw.get("enabled", True)), None if signed is None else bool(signed)
    )


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
