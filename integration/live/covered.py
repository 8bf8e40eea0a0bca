"""Which places the patterns of a source cover: those that are there, and what is wrong with those that are not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from functools import partial

from integration.live.asking import Asking
from integration.live.findings import near
from integration.stages.file.named import Name
from integration.trackers.world import Place, World


class Covered:
    """Looks places up, each once. `kind` is what they are called: repository, project."""

    def __init__(self, world: World, ask: Asking, kind: str, rights: str) -> None:
        self.world, self.ask, self.kind, self.rights = world, ask, kind, rights
        self.seen: tuple[Place, ...] = ask(ask.called, world.places) or ()
        self._known: dict[str, Place] = {one.name.casefold(): one for one in self.seen}

    def by(self, patterns: Sequence[Name]) -> list[Place]:
        """All places that these patterns cover, and that something can be done in."""
        found: dict[str, Place] = {}
        for name in patterns:
            places = self._fitting(name) if set(name.text) & set("*?[") else self._named(name)
            found |= {one.name.casefold(): one for one in places}
        return list(found.values())

    def _fitting(self, name: Name) -> list[Place]:
        """Those that a pattern fits; of many it is no fault that some are archived."""
        wanted = name.text.casefold()
        fit = [one for one in self.seen if fnmatchcase(one.name.casefold(), wanted) and not one.asleep]
        if not fit:
            cause = f'no {self.kind} that our account sees fits "{name}"'
            self.ask.found.fault(name, cause, self._else(name))
        return fit

    def _named(self, name: Name) -> Iterable[Place]:
        place = self._known.get(name.text.casefold()) or self.ask.known(
            name, partial(self.world.place, name.text), partial(self._absent, name)
        )
        if place is None:
            return
        if place.name.casefold() != name.text.casefold():
            cause = f"the {self.kind} {name} is called {place.name} today"
            self.ask.found.warning(name, cause, f"write {place.name}")
        if place.asleep:
            self.ask.found.fault(name, f"nothing can be done in {name}: {place.asleep}", "mend that, or take it out")
            return
        self._known[place.name.casefold()] = place
        yield place

    def _absent(self, name: Name) -> None:
        cause = f"there is no {self.kind} {name}, or it is not for our account to see"
        self.ask.found.fault(name, cause, self._else(name))

    def _else(self, name: Name) -> str:
        said = near(name.text, (one.name for one in self.seen), "")
        return f"{said} Else {self.rights}" if said.startswith("did you mean") else self.rights
