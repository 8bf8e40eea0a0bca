"""The route: which stages this feature is to visit, from the proposal to the agreement.

A proposal comes by command, or stands in the issue's text. It is the feature's route once every party that the file
names has agreed to it; until then the one before stays in force. What it leaves out is not asked for (gate.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from integration.stages.entries import Proposed, Routed
from integration.stages.file.mappings import Routes
from integration.stages.model import ClosedAs
from integration.stages.moves import rank
from integration.stages.planning.commands import read_route
from integration.stages.planning.scene import Scene
from integration.stages.remembered import asked_to_agree
from integration.stages.rules.sections import section
from integration.stages.texts import letters


class Routing:
    """Proposals and agreements."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def follow(self) -> None:
        """Read what the issue's text proposes, and see whether all have agreed."""
        if self.scene.mappings.routes is None:
            return
        self._read_text(self.scene.mappings.routes)
        proposed = self.scene.pending_route
        if proposed and (not self.scene.case().to_agree or not self._touched(proposed)):
            self.scene.note(Routed(self.scene.now, proposed.route, proposed.stages))

    def _read_text(self, routes: Routes) -> None:
        """A heading of the body, or a field. Only a feature's text proposes; unchanged text, only once."""
        issue, stages = self.scene.issue, self.scene.mappings.stages
        if issue.created < routes.effective or self.scene.track is None or issue.closed is not ClosedAs.OPEN:
            return
        text = issue.fields.get(routes.field or "", "") or section(issue.body, routes.section) or ""
        wanted, self.scene.unknown_in_route = read_route(text, stages)
        before = self.scene.text_routes
        if wanted and not self.scene.unknown_in_route and (not before or before[-1].stages != wanted):
            named = f"t{len(before) + 1}-{'+'.join(wanted)}"
            self.scene.note(Proposed(self.scene.now, named, wanted, issue.author, "text", url=issue.url))

    def _touched(self, proposed: Proposed) -> Sequence[str]:
        """The stages ahead on which it differs from the route in force; what lies behind needs nobody's word."""
        if self.scene.route is None:
            return proposed.stages
        here = rank(self.scene.stands_in, self.scene.stages)
        differs = set(self.scene.route) ^ set(proposed.stages)
        return [one for one in self.scene.stages[here + 1 :] if one in differs]

    def say(self) -> None:
        """Ask those who have to agree, unless the comment on a blocked move has just asked them to."""
        proposed = self.scene.pending_route
        if proposed is None or self.scene.issue.closed is not ClosedAs.OPEN:
            return
        missing, key = self.scene.case().to_agree, f"route:{proposed.route}"
        asked = asked_to_agree(self.scene.past, proposed.route, missing)
        parties = [party for party in missing if party not in asked]
        if parties:
            key += f":{'+'.join(parties)}" if self.scene.past.is_done(key) else ""
            voice, by = self.scene.voice(parties), str(proposed.by)
            was, from_text = self.scene.route, proposed.origin == "text"
            self.scene.say(
                key,
                lambda: letters.route_proposed(voice, by, proposed.stages, was, parties, from_text),
                tells=parties,
                route=proposed.route,
            )
