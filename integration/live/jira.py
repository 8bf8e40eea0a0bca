"""What the file says of one Jira site, compared with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from integration.live import hooks, signs
from integration.live.comparison import Comparison
from integration.live.covered import Covered
from integration.live.findings import near
from integration.live.people import Reach
from integration.stages.file.named import OnJira
from integration.trackers.jira_hooks import EVENTS
from integration.trackers.world import NONE, UNTOLD, Place

ACCESS = "give our account the permission Browse projects there"
_MENDED = "`release-stages setup jira` makes one"


@dataclass(slots=True, kw_only=True)
class OfJira(Comparison):
    """The file beside one site. `sources` are those that name it; `secrets` the variable that holds its webhooks'."""

    site: str
    sources: tuple[OnJira, ...]
    secrets: str
    held: dict[str, frozenset[str]] = field(default_factory=dict)  # place -> permissions
    covered: list[tuple[OnJira, list[Place]]] = field(default_factory=list)

    def check(self) -> None:
        """All of it, from what everything else needs to what is pleasant to know. Raises `Silent`."""
        me = self.me()
        if me is None:
            return
        self._sources()
        self._rights()
        self._ways_back()
        self._fields()
        self.used_by_people(me)
        look_up = not self.held or any("USER_PICKER" in held for held in self.held.values())
        people, places = self.named.people.get("jira", ()), list(self.places.values()) if look_up else []
        Reach(self.world, self.ask, self.found, me, places, True, look_up).check(people, self.trusted)
        self.digests([("jira", self.site)])
        self._hooks()

    # --- projects and statuses --------------------------------------------------------------------------------------

    def _sources(self) -> None:
        covered = Covered(self.world, self.ask, "project", self.access)
        for source in self.sources:
            here = covered.by(source.projects)
            self.places |= {one.name: one for one in here}
            self.covered.append((source, here))
            present = {one.name: there for one in here if (there := self.signs_of(one.name)) is not None}
            signs.compare(self.found, source.statuses, present, list(self.spelled), "status")
            if here and source.statuses:
                names = sum(len(each) for each in source.statuses.values())
                self.found.ok(self.called, f"{names} statuses were looked for in {len(here)} projects")

    def _fields(self) -> None:
        held = [name for source in self.sources for name in source.prevent]
        if not self.named.fields and not held:
            return
        known = self.ask(self.called, self.world.fields)
        if not known:
            return
        folded = {one.casefold() for one in known}
        for name in self.named.fields:
            if name.text.casefold() not in folded:
                else_where = name.path.startswith(("parties.", "routes."))  # a heading of the text stands in for it
                level = self.found.warning if else_where else self.found.fault
                fix = near(name.text, known, "write its name, or its id")
                level(name, f'{self.called} has no field "{name}"', fix)
        for name in held:
            if name.text not in known:
                cause = f'{self.called} has no field "{name}": nothing is prevented there, moves are put back as ever'
                fix = "`release-stages setup jira --apply` makes it, or write one that is there"
                self.found.warning(name, cause, fix)

    # --- rights -------------------------------------------------------------------------------------------------

    def _rights(self) -> None:
        for place in self.places:
            granted = self.ask(f"{self.called} {place}", partial(self.world.granted, place))
            if granted is None:
                continue
            self.held[place] = granted.names
            lacking = [(one, must, without) for one, must, without in self._wanted() if one not in granted.names]
            for permission, must, without in lacking:
                level = self.found.fault if must else self.found.warning
                words = permission.replace("_", " ").capitalize()
                level(f"{self.called} {place}", f"our account lacks {words}: {without}", _where(permission))
            if not lacking:
                self.found.ok(f"{self.called} {place}", "our account has every permission that it needs")

    def _wanted(self) -> Iterator[tuple[str, bool, str]]:
        """Each permission, whether nothing works without it, and what does not."""
        yield "BROWSE_PROJECTS", True, "nothing there can be read"
        yield "ADD_COMMENTS", True, "nothing can be said there"
        if any(one.statuses for one in self.sources):
            yield "TRANSITION_ISSUES", True, "nothing can be put back there"
        if any(one.labels for one in self.sources):
            yield "EDIT_ISSUES", True, "no label can be put on or taken off"
        yield "EDIT_OWN_COMMENTS", False, "the living comment cannot be kept up to date"
        yield "DELETE_OWN_COMMENTS", False, "a comment that was posted twice cannot be taken away"
        groups = bool(self.named.teams.get("jira"))
        yield "USER_PICKER", groups, "who is in a group, and whom a mention reaches, is not known"
        triage = "people outside of the parties cannot hold or cancel: who may triage is not known"
        yield "ADMINISTER_PROJECTS", False, triage

    # --- the way back -------------------------------------------------------------------------------------------

    def _ways_back(self) -> None:
        """From each status that a gate puts back from, to one of a stage below it."""
        stages = list(self.named.stages)
        for source, places in self.covered:
            guarded = [one for one in stages if one in self.named.guarded and source.statuses.get(one)]
            for place in places:
                for stage in guarded:
                    below = [one for one in stages[: stages.index(stage)] if source.statuses.get(one)]
                    self._way_back(source, place.name, stage, below)

    def _way_back(self, source: OnJira, place: str, stage: str, below: list[str]) -> None:
        there = self.there.get(place, frozenset())
        names = {one: [each.text for each in source.statuses[one] if each.text.casefold() in there] for one in below}
        wanted = {one: found for one, found in names.items() if found}
        at = source.statuses[stage][0]
        standing = [one.text for one in source.statuses[stage]]
        seen = self.ask(at, partial(self.world.ways_back, place, standing, wanted))
        if seen is None or not wanted:
            return
        if not seen.issue:
            says = f"no issue of {place} stands in {at} now: whether a way leads back from there cannot be seen yet"
            self.found.ok(f"{self.called} {place}", says)
        elif len(seen.shut) == len(wanted):
            cause = f"nothing leads back from {at} in {place} (seen on {seen.issue}): {next(iter(seen.shut.values()))}"
            fix = "give our account a transition back that asks for no field; until then a blocked move stands there"
            self.found.fault(at, cause, fix)
        elif seen.shut:
            ways = ", ".join(self.named.stages.get(one, one) for one in seen.shut)
            cause = f"from {at} in {place} no way leads back to {ways} (seen on {seen.issue})"
            self.found.warning(at, cause, "give our account those transitions: a move goes back to where it came from")
        else:
            self.found.ok(f"{self.called} {place}", f"ways lead back from {at} (seen on {seen.issue})")

    # --- webhooks -----------------------------------------------------------------------------------------------

    def _hooks(self) -> None:
        told = self.ask(f"{self.called} webhooks", partial(self.world.hooks, self.address, list(self.places)))
        if told is None:
            return
        ours, unseen = told
        check = hooks.Check(self.found, self.called, dict.fromkeys(EVENTS, ""), self.secrets, _MENDED)
        if not ours and not unseen:
            unseen = (NONE,) if self.address else (UNTOLD,)
        check.of(ours, unseen)
        check.last(self.last, self.knows_last)


def _where(permission: str) -> str:
    if permission == "USER_PICKER":
        return "under System → Global permissions: Browse users and groups"
    return "in the project's permission scheme"
