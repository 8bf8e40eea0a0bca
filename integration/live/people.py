"""Teams, groups and people of the file: are they there, does a mention reach them, may they read what they are told."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial

from integration import duty
from integration.live.asking import Asking
from integration.live.findings import Findings, near, some
from integration.stages.file.named import Name, People
from integration.trackers.world import Account, Place, Team, World

MENTIONED = 10  # of a Jira group
_MOST_PLACES = 5  # of which it is asked, person by person, who may read them
_DEAF = "mend that, or name `fallback` people, who are mentioned instead"


@dataclass(slots=True)
class Reach:
    """Whom the file names on one tracker, compared with it. `places` are those that the file's sources cover."""

    world: World
    ask: Asking
    found: Findings
    me: Account
    places: Sequence[Place]
    on_jira: bool
    may_look_up: bool = True  # people can be looked up at all

    def check(self, people: Sequence[People], trusted: Collection[str]) -> None:
        """All of them; each person once, however often they are named."""
        seen: set[str] = set()
        for one in people:
            if one.team:
                self._team(one, one.team)
            for name in one.everybody:
                if name.text.casefold() not in seen:
                    seen.add(name.text.casefold())
                    self._person(name)
            if one.duty:
                self._duty(one.duty, trusted)
        if seen:
            self.found.ok(self.ask.called, f"people that were looked up by name: {len(seen)}")

    # --- teams and groups -----------------------------------------------------------------------------------------

    @property
    def _private(self) -> list[Place]:
        return [one for one in self.places if one.private]

    def _team(self, people: People, name: Name) -> None:
        reads = bool(self._private) and not self.on_jira
        team = self.ask.known(name, partial(self.world.team, name.text, reads), partial(self._no_team, name))
        if team is None:
            return
        if team.deaf:
            level = self.found.warning if people.fallback else self.found.fault
            level(name, f"a mention of {name} reaches nobody: {team.deaf}", _DEAF)
        if self.on_jira and team.size > MENTIONED:
            cause = f"more than {MENTIONED} people are in {name}; Jira mentions no group, and we the first {MENTIONED}"
            self.found.warning(name, cause, "name those who are on duty in `users`")
        self._reads(name, team)
        if self._are_we_in(name):
            cause = f"our own account is in {name}, and never speaks for a party: what it writes is the service's"
            self.found.fault(name, cause, "sign in with an App, or with an account that nobody else uses")
        elif not team.deaf:
            self.found.ok(name, f"{name} is there; people in it: {team.size}")

    def _no_team(self, name: Name) -> None:
        kind = "group" if self.on_jira else "team"
        listed = self.ask(name, partial(self.world.teams, name.text)) or ()
        cause = f'there is no {kind} "{name}", or our account cannot see it'
        self.found.fault(name, cause, near(name.text, listed, "compare it with the tracker"))

    def _reads(self, name: Name, team: Team) -> None:
        if team.reads is None:
            return
        shut = [one.name for one in self._private if one.name.casefold() not in team.reads]
        if shut:
            cause = f"{name} may not read {some(shut)}: there a mention reaches only who may read it all the same"
            self.found.warning(name, cause, "give the team read access there")

    def _are_we_in(self, name: Name) -> bool:
        if self.me.bot:
            return False
        return bool(self.ask(name, partial(self.world.is_in, name.text, self.me.handle)))

    # --- people -------------------------------------------------------------------------------------------------

    def _person(self, name: Name) -> None:
        if not self.may_look_up:
            return
        account = self.ask.known(name, partial(self.world.person, name.text), partial(self._nobody, name))
        if account is None:
            return
        if account.handle.casefold() == self.me.handle.casefold():
            cause = "this is our own account: what it writes is the service's"
            self.found.fault(name, cause, "name somebody else, or let the service sign in as an App")
        elif not account.active:
            self.found.fault(name, f"{account.name} cannot be asked: the account is not active", "name somebody else")
        elif account.bot:
            self.found.warning(name, f"{account.name} is the account of an app, which nobody reads", "name a person")
        else:
            self._person_reads(name, account)

    def _nobody(self, name: Name) -> None:
        what = "account id (on Data Center: a user name)" if self.on_jira else "login"
        self.found.fault(name, f'there is no account "{name}"', f"write the {what} that the person has today")

    def _person_reads(self, name: Name, account: Account) -> None:
        for place in self._private[:_MOST_PLACES]:
            if self.ask(name, partial(self.world.may_read, place.name, name.text)) is False:
                cause = f"{account.name} may not read {place.name}, and would not be reached there"
                self.found.warning(name, cause, "give them access, or name somebody else")

    def _duty(self, url: Name, trusted: Collection[str]) -> None:
        try:
            duty.ask(url.text, trusted)
        except duty.Unknown as error:
            cause = f"this address does not tell who is on duty: {error}"
            self.found.warning(url, cause, "until it does, all of the party are mentioned")
