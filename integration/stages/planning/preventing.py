"""What a tracker's own workflow goes by: fields that are filled just while a stage may be entered.

So a move that would be put back is refused before it is made. The file names the stages and their fields. Moves back
are free: what is not above where the feature stands is always open. What cannot be judged stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from integration.stages.entries import Done, Outcome, Waived
from integration.stages.file.mappings import Outside, Rule, Window, Within, prevented
from integration.stages.moves import rank
from integration.stages.planning.actions import Fill
from integration.stages.planning.scene import Scene
from integration.stages.rules.gate import Ask, crossed
from integration.stages.rules.windows import next_change

OPEN = "open"
"""What such a field holds while its stage may be entered; else it is empty."""

_SOON = timedelta(seconds=10)  # so long a tracker may show what stood there before
_TURNS = 3  # so often we write the same once more within a day, as somebody else has written something else there
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)


class Preventing:
    """The fields of one issue."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.waits_for: list[str] = []

    def keep(self) -> tuple[str, ...]:
        """Bring each field to what it must be; the issues (as refs) whose change may open one that is shut."""
        for stage, field in prevented(self.scene.mappings, self.scene.issue.ref).items():
            wanted, key = self._wanted(stage), f"fill:{stage}"
            if wanted not in (None, self.scene.issue.fields.get(field, "")) and self._may_write(key, wanted):
                self.scene.actions.append(Fill(key, field, wanted))
        return tuple(self.waits_for)

    def _wanted(self, stage: str) -> str | None:
        """What the stage's field must hold; None where that cannot be told."""
        scene = self.scene
        if rank(stage, scene.stages) <= rank(scene.stands_in, scene.stages):
            return OPEN
        attempt = scene.attempt if scene.attempt and scene.attempt.to == stage else None
        ask = scene.ask_of(attempt) if attempt else Ask(scene.stands_in, stage, scene.now)
        verdict = scene.judge(ask, attempt.askers if attempt else frozenset())
        self.waits_for += verdict.waits_for
        scene.look(verdict.look_again_at)
        self._look_when_it_shuts(ask)
        if verdict.outcome is None:
            return None
        return "" if verdict.outcome is Outcome.BLOCKED else OPEN

    def _look_when_it_shuts(self, ask: Ask) -> None:
        """A gate that is open now may be shut by time alone: a window ends, a freeze begins, a word given is over."""
        for rule in self.scene.mappings.rules:
            if crossed(rule, ask, self.scene.stages, self.scene.route):
                for window in self._windows(rule):
                    self.scene.look(next_change(window, self.scene.now, self.scene.mappings.time_zone))
        for until in self._ends():
            if until and until > self.scene.now:
                self.scene.look(until)

    def _windows(self, rule: Rule) -> Iterator[Window]:
        mappings = self.scene.mappings
        for one in mappings.asked_by(rule):
            if isinstance(one, Within):
                yield mappings.windows[one.window]
            elif isinstance(one, Outside):
                yield mappings.freezes[one.freeze]

    def _ends(self) -> Iterable[datetime | None]:
        past = self.scene.past
        yield from (one.until for one in past.evidence if isinstance(one, Waived))
        yield from (one.until for one in past.debts)

    def _may_write(self, key: str, text: str | None) -> bool:
        """Not again at once: the tracker may lag behind. And where somebody else writes there, too, not without end."""
        last: list[Done] = []
        for one in reversed(self.scene.history):
            if isinstance(one, Done) and one.key == key:
                if one.digest != text or self.scene.now - one.at > _DAY:
                    break
                last.append(one)
        if not last:
            return True
        again = last[0].at + (_HOUR if len(last) >= _TURNS else _SOON)
        self.scene.look(again)
        return self.scene.now >= again
