"""What the file says of GitHub, compared with GitHub."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial

from integration.live import hooks, signs
from integration.live.comparison import Comparison
from integration.live.covered import Covered
from integration.live.people import Reach
from integration.trackers.world import Granted, Place

_TO_READ_FILES = ("contents: read", "single_file: read")
ACCESS = "install our App there, or give our token's account access"


@dataclass(slots=True, kw_only=True)
class OfGitHub(Comparison):
    """The file beside one GitHub."""

    def check(self) -> None:
        """All of it, from what everything else needs to what is pleasant to know. Raises `Silent`."""
        me = self.me()
        if me is None:
            return
        self._sources()
        self._rights()
        self._rule_labels()
        self.used_by_people(me)
        people, places = self.named.people.get("github", ()), list(self.places.values())
        Reach(self.world, self.ask, self.found, me, places, on_jira=False).check(people, self.trusted)
        self.digests([("github", "")])
        self._hooks()

    # --- places and labels ----------------------------------------------------------------------------------------

    def _sources(self) -> None:
        covered = Covered(self.world, self.ask, "repository", self.access)
        for source in self.named.github:
            here = covered.by(source.repositories)
            self.places |= {one.name: one for one in here}
            present = {one.name: there for one in here if (there := self.signs_of(one.name)) is not None}
            signs.compare(self.found, source.labels, present, list(self.spelled), "label")
            if here:
                names = sum(len(each) for each in source.labels.values())
                self.found.ok("GitHub", f"{names} labels were looked for in {len(here)} repositories")

    def _rule_labels(self) -> None:
        """Where Jira shows stages as well, a label may be one of Jira's, which are kept nowhere but on issues."""
        if not self.named.jira:
            signs.looked_at(self.found, self.named.labels, self.there, list(self.spelled))

    # --- rights -------------------------------------------------------------------------------------------------

    def _rights(self) -> None:
        """An App's are those of each owner's installation; a token's are the same everywhere, but for the role."""
        owners: dict[str, Place] = {}
        for one in self.places.values():
            owners.setdefault(one.name.partition("/")[0], one)
        for owner, place in owners.items():
            granted = self._granted(place)
            if granted is None:
                continue
            at = f"GitHub {owner}" if granted.kind == "app" else self.account
            for wanted, without in self._wanted(granted, owner):
                if not granted.names & set(wanted):
                    self.found.fault(at, f"we were not granted {' or '.join(wanted)}: {without}", _grant(granted))
            self._told(at, granted)
        if self.account == "GITHUB_TOKEN":
            self._roles()

    def _granted(self, place: Place) -> Granted | None:
        cause = f"our App is not installed in {place.name}"
        absent = partial(self.found.fault, f"GitHub {place.name}", cause, self.access)
        return self.ask.known(f"GitHub {place.name}", partial(self.world.granted, place.name), absent)

    def _wanted(self, granted: Granted, owner: str) -> Iterable[tuple[tuple[str, ...], str]]:
        """What one of each must be granted, and what does not work without it."""
        teams = bool(self.named.teams.get("github"))
        pulls = any(one.pull_requests for one in self.named.github)
        comment, members = "nothing can be said or put back", "who is in a team is not known, and nobody's word counts"
        if granted.kind == "app":
            yield ("issues: write",), comment
            if pulls:
                yield ("pull_requests: write",), "pull requests carry stages in this file"
            if self._adds(owner):
                yield _TO_READ_FILES, "the rules that repositories add cannot be read, and do not count"
            if teams:
                yield ("members: read",), members
        elif granted.kind == "scopes":
            private = any(one.private for one in self.places.values())
            yield ("scope repo",) if private else ("scope repo", "scope public_repo"), comment
            if teams:
                yield ("scope read:org", "scope write:org", "scope admin:org"), members

    def _adds(self, owner: str = "") -> bool:
        """May a repository of theirs add rules?"""
        patterns = [one.text.casefold() for one in self.named.adding] or ["*"]
        theirs = [one.casefold() for one in self.places if owner in ("", one.partition("/")[0])]
        return self.named.additions and any(fnmatchcase(one, each) for one in theirs for each in patterns)

    def _told(self, at: str, granted: Granted) -> None:
        if granted.kind == "unsaid":
            says = "GitHub does not tell what a fine-grained token may do before it does it; it needs issues: read and"
            more = ", contents: read" if self._adds() else ""
            self.found.ok(at, f"{says} write, metadata: read{more}, and members: read of the organisation")
        else:
            self.found.ok(at, f"we were granted {', '.join(sorted(granted.names)) or 'nothing'}")

    def _roles(self) -> None:
        """A token may do no more than its account: to put a label on takes the role triage."""
        for one in self.places.values():
            if one.may and not one.may & {"triage", "push", "maintain", "admin"}:
                cause = f"our account may only read {one.name}: it can put nothing back there"
                self.found.fault(f"GitHub {one.name}", cause, "give it the role triage or write there")

    # --- webhooks -----------------------------------------------------------------------------------------------

    def _hooks(self) -> None:
        if not self.places:
            return
        wanted = dict.fromkeys(("issues", "issue_comment", "label"), "")
        if any(one.pull_requests for one in self.named.github):
            wanted["pull_request"] = ""
        if self.named.looks_around:
            wanted |= dict.fromkeys(
                ("sub_issues", "issue_dependencies"), "gates that wait for other issues open hours late"
            )
        if self._adds():
            wanted["push"] = "what a repository changes in its own rules counts minutes late"
        told = self.ask("GitHub webhooks", partial(self.world.hooks, self.address, sorted(self.places)))
        if told is not None:
            by_token = self.account == "GITHUB_TOKEN"
            mended = "`release-stages setup github --token` makes one" if by_token else "mend it in the App's settings"
            check = hooks.Check(self.found, "GitHub", wanted, "GITHUB_WEBHOOK_SECRETS", mended)
            check.of(*told)
            check.last(self.last, self.knows_last)


def _grant(granted: Granted) -> str:
    if granted.kind == "app":
        return "in the App's settings, under Permissions; then accept them where it is installed"
    return "make a token that has it"
