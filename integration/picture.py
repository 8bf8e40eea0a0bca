"""Today's picture: where every feature stands, which party was never told of it, and what has escaped.

Made of looks at the issues as they are, also at what happened before the ledger was born: nothing of it is judged, and
no rule's `effective` counts here. *Told* means that a comment on the issue mentions the party.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from integration.look import Look
from integration.stages.file.mappings import Acknowledged, Approved, Mappings, Notified, Rule
from integration.stages.moves import rank
from integration.stages.planning.scene import Scene
from integration.stages.rules.catalogue import evaluate

_MOST = 10  # of a list for people; machines get all
Handles = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Portrait:
    """One feature as it stands. `never`: parties that were never told; `late`: those not told before it came here."""

    ref: str
    title: str
    url: str
    stage: str
    since: datetime | None = None
    never: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    wanted: str = ""  # the stage that an open request asks for
    stands: str = ""  # why it was not put back, although its gates are shut


def portrait(look: Look, handles: Handles) -> Portrait | None:
    """None where the issue shows no stage. `handles` are the people of each Jira group that a party is."""
    scene = Scene(replace(look.given, handles={**look.given.handles, **handles}))
    scene.note(*look.plan.entries)
    track = scene.track
    if track is None or track.stage is None:
        return None
    since = look.plan.seen.since
    told, asked = _told(scene), _asked(scene, track.stage)
    standing = scene.attempt.standing if scene.attempt else None
    return Portrait(
        look.issue.ref.key,
        look.issue.title,
        look.issue.url,
        track.stage,
        since,
        tuple(one for one in asked if one not in told),
        tuple(one for one in asked if one not in told or (since is not None and told[one] > since)),
        scene.attempt.to if scene.attempt else "",
        standing.reason if standing else "",
    )


def _told(scene: Scene) -> dict[str, datetime]:
    """When each party was first mentioned on the issue."""
    found: dict[str, datetime] = {}
    for comment in sorted(scene.issue.comments, key=lambda one: one.at):
        for party in scene.mappings.parties:
            if any(one.casefold() in comment.mentions for one in scene.names(party, comment.at)):
                found.setdefault(party, comment.at)
    return found


def _asked(scene: Scene, stage: str) -> list[str]:
    """The parties without whom the rules would not have let it come as far, whenever they took effect."""
    case = scene.case()
    passed = (rule for rule in scene.mappings.rules if _is_passed(rule, stage, scene.stages))
    applied = (rule for rule in passed if all(evaluate(one, case).ok is not False for one in rule.when))
    return list(dict.fromkeys(party for rule in applied for party in words_of(rule, scene.mappings)))


def _is_passed(rule: Rule, stage: str, stages: Sequence[str]) -> bool:
    """Is it a gate that a feature in this stage has behind it?"""
    if rule.entering is not None:
        return rank(rule.entering, stages) <= rank(stage, stages)
    return rank(rule.leaving, stages) < rank(stage, stages)


def words_of(rule: Rule, mappings: Mappings) -> Iterator[str]:
    """The parties that a rule wants told, or wants to hear from."""
    for one in mappings.asked_by(rule):
        if isinstance(one, Notified | Acknowledged | Approved):
            yield one.party


@dataclass(frozen=True, slots=True)
class Picture:
    """All of them together, by the stages and parties of the file."""

    portraits: tuple[Portrait, ...]
    stages: Mapping[str, str]  # key -> what people read
    parties: Mapping[str, str]

    @classmethod
    def of(cls, portraits: Iterable[Portrait], mappings: Mappings) -> Picture:
        """The picture; the longest in their stage first."""
        parties = {key: party.name or key for key, party in mappings.parties.items()}
        listed = sorted(portraits, key=lambda one: (one.since is None, one.since, one.ref))
        return cls(tuple(listed), dict(mappings.stages), parties)

    @property
    def escaped(self) -> list[Portrait]:
        """Those that came where they are before a party was told that the rules name, and those that merely stand."""
        return [one for one in self.portraits if one.late or one.stands]

    def lines(self) -> Iterator[str]:
        """For people."""
        count = len(self.portraits)
        yield f"Today {count} issue{'' if count == 1 else 's'} show{'s' if count == 1 else ''} a stage:"
        width = max(map(len, self.stages.values()))
        for stage, name in self.stages.items():
            yield f"  {name:{width}} {sum(one.stage == stage for one in self.portraits):6}"
        yield from self._never_told()
        yield from self._escapes()

    def _never_told(self) -> Iterator[str]:
        counted = {party: [one for one in self.portraits if party in one.never] for party in self.parties}
        if not any(counted.values()):
            return
        yield "Never told (no comment mentions them), of what is where your rules want them to know:"
        width = max(len(self.parties[party]) for party in counted if counted[party])
        for party, found in counted.items():
            if found:
                yield f"  {self.parties[party]:{width}} {len(found):6}"

    def _escapes(self) -> Iterator[str]:
        if not self.escaped:
            return
        yield "Escaped (it came where it is before those were told that your rules name):"
        for one in self.escaped[:_MOST]:
            since = f" since {one.since:%Y-%m-%d}" if one.since else ""
            why = one.stands or f"without {self._named(one.late)}"
            yield f"  {one.ref} {one.title}: in {self.stages.get(one.stage, one.stage)}{since}, {why}"
        if len(self.escaped) > _MOST:
            yield f"  … and {len(self.escaped) - _MOST} more; --json lists all of them"

    def _named(self, parties: Iterable[str]) -> str:
        return ", ".join(self.parties.get(one, one) for one in parties)

    def as_values(self) -> dict[str, object]:
        """For machines."""
        counts = {stage: sum(one.stage == stage for one in self.portraits) for stage in self.stages}
        features = [
            {
                **asdict(one),
                "since": one.since.isoformat() if one.since else None,
                "escaped": bool(one.late or one.stands),
            }
            for one in self.portraits
        ]
        return {"stages": counts, "features": features}

    def as_json(self) -> str:
        """The same as text."""
        return json.dumps(self.as_values(), indent=2, ensure_ascii=False)
