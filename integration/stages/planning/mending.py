"""Gates that were shut when a move was let through, and have been found open since: what was missing was given.

A rule that observes or warns lets the move pass. Whether it was set right afterwards is what tells if the rule can be
raised (`stages/health`); so its gate is looked at again, for as long as a request would have stayed open.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from integration.stages.entries import AttemptJoined, AttemptOpened, GateResult, Judged, Met, Outcome
from integration.stages.planning.attempts import EXPIRES
from integration.stages.planning.scene import Scene
from integration.stages.rules.gate import Ask, is_open, reopened

PAUSE = timedelta(minutes=15)
"""Figures are not urgent: a gate that says "in a moment" again and again makes no look each moment."""


class Mending:
    """Reads from the scene; writes nothing of it down but when to look again."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def met(self) -> tuple[Met, ...]:
        """The gates that are open by now, of moves that still hold."""
        return tuple(Met(judged.move.id, gate.rule) for judged in self._recent() for gate in self._open(judged))

    def _recent(self) -> Iterator[Judged]:
        verdicts, let_in = self.scene.past.verdicts, (Outcome.ADMITTED, Outcome.WARNED)
        for rung in self.scene.all_rungs:
            judged = verdicts.get(rung.id)
            if judged and judged.outcome in let_in and self.scene.now - judged.at < EXPIRES:
                yield judged

    def _open(self, judged: Judged) -> Iterator[GateResult]:
        shut = [one for one in judged.gates if not is_open(one)]
        if not shut:
            return
        case_for = self.scene.case_for(judged, self._askers(judged))
        move = judged.move
        for gate in shut:
            rule = next((one for one in self.scene.mappings.rules if one.id == gate.rule), None)
            if rule is not None:
                opened, look_again_at = reopened(rule, Ask(move.was, move.to or "", move.at), case_for)
                if look_again_at is not None:
                    self.scene.look(max(look_again_at, self.scene.now + PAUSE))
                if opened:
                    yield gate

    def _askers(self, judged: Judged) -> frozenset[str]:
        """Those whose own word counts for nothing: who made the move, or asked for what we then applied."""
        asked = (one for one in self.scene.history if isinstance(one, AttemptOpened | AttemptJoined))
        return frozenset({judged.move.actor.id, *(one.by.id for one in asked if one.attempt == judged.attempt)})
