"""GitHub's half of `World`: what there is, what we may do there, whom a mention reaches. Reads, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from integration.stages.model import Label, Ref
from integration.trackers import Gone, Refused, beside
from integration.trackers.github_shapes import Raw, as_comment, as_person, in_path, place_path, reading, team_path
from integration.trackers.github_wire import PER_PAGE, in_time
from integration.trackers.world import Account, Granted, Hook, Place, Team, WayBack

if TYPE_CHECKING:
    from integration.trackers.github import GitHub

_BELOW = {"admin": ("write", "read"), "write": ("read",)}
_NOWHERE = Ref("github", "", "", 0)


def _at(place: str) -> Ref:
    return Ref("github", "", place, 0)


class GitHubWorld:
    """The `World` of the GitHub that this adapter reaches."""

    def __init__(self, tracker: GitHub) -> None:
        self.tracker, self.wire = tracker, tracker.wire
        self._me: Account | None = None

    def __str__(self) -> str:
        return "GitHub"

    # --- places -------------------------------------------------------------------------------------------------

    @in_time
    def places(self) -> tuple[Place, ...]:
        """All repositories in which our App is installed, or our token's account takes part."""
        doing = "listing our repositories"
        listed = self.wire.installed(doing) if self.wire.app else self.wire.all(_NOWHERE, "/user/repos", doing)
        return tuple(map(_as_place, listed))

    @in_time
    def place(self, name: str) -> Place:
        """A repository."""
        answer = self.wire.ask(_at(name), "GET", place_path(_at(name)), f"reading the repository {name}")
        with reading(answer):
            return _as_place(answer.one())

    def signs(self, place: str) -> tuple[Label, ...]:
        """The labels of a repository."""
        return self.tracker.label_names(_at(place))

    # --- ourselves ----------------------------------------------------------------------------------------------

    @in_time
    def me(self) -> Account:
        """The token's account, or our App's."""
        self._me = self._me or self._asked_who_we_are()
        return self._me

    def _asked_who_we_are(self) -> Account:
        if self.wire.app:
            slug = str(self.wire.as_app("GET", "/app", "asking which App we are").one().get("slug", ""))
            return Account(f"{slug}[bot]", slug, bot=True)
        raw = self.wire.ask(_NOWHERE, "GET", "/user", "asking which account our token belongs to").one()
        return Account(str(raw["login"]), str(raw["login"]), bot=raw.get("type") == "Bot")

    @in_time
    def granted(self, place: str) -> Granted:
        """What the App was granted where the place is; of a token its scopes, where GitHub tells them."""
        if self.wire.app:
            doing = f"asking what our App may do in {place}"
            said = self.wire.as_app("GET", f"{place_path(_at(place))}/installation", doing, ref=_at(place)).one()
            return Granted("app", frozenset(_levels(said.get("permissions") or {})))
        headers = self.wire.ask(_NOWHERE, "GET", "/user", "asking what our token may do").headers
        if "x-oauth-scopes" not in headers:
            return Granted("unsaid", frozenset())
        scopes = (one.strip() for one in headers["x-oauth-scopes"].split(","))
        return Granted("scopes", frozenset(f"scope {one}" for one in scopes if one))

    @in_time
    def used_by_people(self, place: str) -> str:
        """The service opens no issue and writes no comment without its marker: whoever did is somebody else."""
        me = self.me()
        if me.bot:
            return ""
        ref, path = _at(place), f"{place_path(_at(place))}/issues"
        doing = f"looking who works with our account in {place}"
        asked: Mapping[str, object] = {"creator": me.handle, "state": "all", "per_page": 1}
        if opened := self.wire.ask(ref, "GET", path, doing, params=asked).many():
            return f"it has opened issues, {place}#{opened[0]['number']} for one"
        asked = {"sort": "created", "direction": "desc", "per_page": PER_PAGE}
        answer = self.wire.ask(ref, "GET", f"{path}/comments", doing, params=asked)
        with reading(answer):
            for raw in answer.many():
                if as_person(raw.get("user")).handle == me.handle and not as_comment(raw).token:
                    return f"it has written comments that are not the service's: {raw['html_url']}"
        return ""

    # --- people -------------------------------------------------------------------------------------------------

    @in_time
    def person(self, handle: str) -> Account:
        """Somebody's account; one that is suspended (on a server of one's own) is not active."""
        raw = self.wire.ask(_NOWHERE, "GET", f"/users/{in_path(handle)}", f"looking for @{handle}").one()
        active = not raw.get("suspended_at") and raw.get("type") != "Organization"
        return Account(str(raw["login"]), str(raw.get("name") or raw["login"]), active, raw.get("type") == "Bot")

    @in_time
    def may_read(self, place: str, handle: str) -> bool:
        """Is this person a collaborator, by name, by a team, or as an owner?"""
        path = f"{place_path(_at(place))}/collaborators/{in_path(handle)}"
        doing = f"asking whether @{handle} may read {place}"
        return self.wire.ask(_at(place), "GET", path, doing, fine={404}).status != 404

    @in_time
    def teams(self, place: str) -> tuple[str, ...]:
        """The organisation's teams that we see, as `acme/support`; a person's account has none."""
        owner = place.partition("/")[0]
        try:
            listed = self.wire.all(_at(place), f"/orgs/{quote(owner, safe='')}/teams", f"listing the teams of {owner}")
        except Gone:
            return ()
        return tuple(f"{owner}/{raw['slug']}" for raw in listed)

    @in_time
    def team(self, name: str, reads: bool = False) -> Team:
        """A team; asked for as a visitor of the organisation that it is of."""
        ref, path = self._within(name), team_path(name)
        raw = self.wire.ask(ref, "GET", path, f"reading the team {name}").one()
        deaf = ""
        if raw.get("notification_setting") == "notifications_disabled":
            deaf = "its notifications are turned off in the team's settings"
        elif raw.get("privacy") == "secret" and not self.wire.app:
            deaf = "it is secret: a mention by whoever is not in it is no link"
        size = raw["members_count"] if "members_count" in raw else len(self._first_members(ref, name))
        if not size:
            deaf = "nobody is in it"
        return Team(name, int(size), deaf, frozenset(self._read_by(ref, name)) if reads else None)

    def _first_members(self, ref: Ref, name: str) -> list[Raw]:
        return self.wire.ask(ref, "GET", f"{team_path(name)}/members", f"reading the members of {name}").many()

    def _read_by(self, ref: Ref, name: str) -> Iterator[str]:
        with beside():
            listed = self.wire.all(ref, f"{team_path(name)}/repos", f"listing what {name} may read")
        return (str(raw["full_name"]).casefold() for raw in listed)

    @in_time
    def is_in(self, team: str, handle: str) -> bool:
        """Is this account in the team?"""
        path = f"{team_path(team)}/memberships/{in_path(handle)}"
        doing = f"asking whether @{handle} is in {team}"
        return self.wire.ask(self._within(team), "GET", path, doing, fine={404}).status != 404

    def _within(self, team: str) -> Ref:
        """A place of the team's organisation: an App asks as whoever is installed there."""
        if not self.wire.app:
            return _NOWHERE
        owner = team.partition("/")[0].casefold()
        here = next((one.name for one in self.places() if one.name.partition("/")[0].casefold() == owner), "")
        if not here:
            raise Refused(f"our App is installed in no repository of {owner}, so that its teams cannot be seen")
        return _at(here)

    # --- webhooks; and what only Jira has -------------------------------------------------------------------------

    def hooks(self, address: str, places: Sequence[str]) -> tuple[tuple[Hook, ...], tuple[str, ...]]:
        """Our App's webhook, or those of these places and their owners that lead to this address."""
        hooks = self.tracker.hooks(address, places)
        ours, unseen = hooks.ours(fresh=True)
        return tuple(hooks.described(one) for one in ours), tuple(unseen)

    def ways_back(self, place: str, standing: Sequence[str], wanted: Mapping[str, Sequence[str]]) -> WayBack:
        """A label is taken off without anybody's leave."""
        return WayBack("", {})

    def fields(self) -> frozenset[str]:
        """None: an issue's text is all there is."""
        return frozenset()


def _as_place(raw: Raw) -> Place:
    asleep = "it is archived" if raw.get("archived") else ""
    if not raw.get("has_issues", True):
        asleep = "its issues are turned off"
    private = bool(raw.get("private")) and raw.get("visibility") != "internal"
    ticks = raw.get("permissions") or {}
    return Place(str(raw["full_name"]), private, asleep, frozenset(one for one in ticks if ticks[one]))


def _levels(permissions: Mapping[str, str]) -> Iterator[str]:
    """Each permission with the levels below what was granted: who may write may read."""
    for name, level in permissions.items():
        yield from (f"{name}: {one}" for one in (level, *_BELOW.get(level, ())))
