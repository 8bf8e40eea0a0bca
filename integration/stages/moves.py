"""Sightings -> moves -> ladder: what became of the stage, and which forward moves still hold (DESIGN 2 and 9).

A gap without a stage that closes within `SETTLING` is one move; a return to the same stage within it is none.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import zip_longest

from integration.stages.entries import Intended
from integration.stages.file.mappings import Shown
from integration.stages.model import NOBODY, Carrier, Happened, Issue, Move, Sighting

SETTLING = timedelta(minutes=5)

Names = Mapping[str, tuple[str, ...]]
"""The names that each label id of a place has had, oldest first."""


@dataclass(frozen=True, slots=True)
class Track:
    """What one source shows of an issue: every raw change, and the moves that they fold to.

    `stage` is the present stage; while a gap is younger than `SETTLING` it is the last one and `settles_at` is set.
    `on` maps the labels that are on now to their stages. `vanished` are labels that were deleted from the place.
    """

    source: Shown
    changes: tuple[Move, ...] = ()
    moves: tuple[Move, ...] = ()
    stage: str | None = None
    settles_at: datetime | None = None
    on: tuple[tuple[str, str], ...] = ()
    vanished: tuple[tuple[str, str], ...] = ()
    acts: Mapping[str, str] = field(default_factory=dict)  # an intent's key -> the change by which it was carried out

    @property
    def moved_at(self) -> datetime | None:
        """When this source changed last."""
        return self.changes[-1].at if self.changes else None


def track(issue: Issue, source: Shown, names: Names, shifts: Sequence[Intended], now: datetime) -> Track:
    """Fold all that the issue's history says about one source."""
    labels = Labels(source, issue, names)
    carried = source.carrier is Carrier.LABEL
    shifts = [shift for shift in shifts if shift.source == source.id]
    changes = labels.changes() if carried else _status_changes(issue, source, shifts)
    acts = _acts(changes, issue, shifts)
    changes = tuple(replace(change, ours=True) if change.id in acts.values() else change for change in changes)
    moves, stage, settles_at = settle(changes, now)
    return Track(
        source=source,
        changes=changes,
        moves=moves,
        stage=stage,
        settles_at=settles_at,
        on=tuple((label.name, on) for label in issue.labels if (on := labels.stage(label.name))) if carried else (),
        vanished=labels.vanished() if carried else (),
        acts=acts,
    )


class Labels:
    """One label source of one issue. A label is known by its id, under all names that the id has had."""

    def __init__(self, source: Shown, issue: Issue, names: Names) -> None:
        self.source, self.issue = source, issue
        self.names = {id: tuple(had) for id, had in names.items()}
        for label in issue.labels:
            self.names[label.id] = (*self.names.get(label.id, ()), label.name)
        self.ids = {name.casefold(): id for id, had in self.names.items() for name in had}
        on = {label.id for label in issue.labels}  # a renamed label is not a deleted one
        self.deleted = {key for name in issue.deleted_labels if (key := self.key(name)) not in on}
        self._stages: dict[str, str | None] = {}

    def key(self, name: str) -> str:
        """What tells this label from others, whatever it is called."""
        return self.ids.get(name.casefold(), name.casefold())

    def stage(self, name: str) -> str | None:
        """The stage that the label shows, under any of its names."""
        if name not in self._stages:
            had = self.names.get(self.key(name), ())
            shown = (self.source.stage_of(one) for one in (name, *reversed(had)))
            self._stages[name] = next((stage for stage in shown if stage), None)
        return self._stages[name]

    def sightings(self) -> list[Sighting]:
        """The label sightings, completed where history and the labels that are on now disagree."""
        told = [one for one in self.issue.sightings if one.carrier is Carrier.LABEL and self.stage(one.name)]
        told.sort(key=lambda one: one.order)
        last = {self.key(one.name): one for one in told}
        here = {self.key(label.name): label for label in self.issue.labels if self.stage(label.name)}
        before = [
            Sighting(f"born-{key}", self.issue.created, self.issue.author, Carrier.LABEL, Happened.ADDED, label.name)
            for key, label in here.items()
            if key not in last or last[key].what is Happened.REMOVED
        ]
        after = [
            Sighting(f"lost-{one.id}", self.issue.watermark, NOBODY, Carrier.LABEL, Happened.REMOVED, one.name)
            for key, one in last.items()
            if one.what is Happened.ADDED and key not in here and key not in self.deleted
        ]
        return before + told + after

    def vanished(self) -> tuple[tuple[str, str], ...]:
        """Labels (with their stages) that were on when somebody deleted them from the place: no move of anybody."""
        gone = (name for name in sorted(self.issue.deleted_labels) if self.key(name) in self.deleted)
        return tuple((name, stage) for name in gone if (stage := self.stage(name)))

    def changes(self) -> tuple[Move, ...]:
        """The stage is the mapped label last added that is still on; each change of it, raw."""
        on: dict[str, str] = {}
        shown: str | None = None
        changes = []
        for one in self.sightings():
            key, stage = self.key(one.name), self.stage(one.name) or ""
            on.pop(key, None)
            if one.what is Happened.ADDED:
                on[key] = stage
            else:  # the stage is left by hand, so a deleted label of that stage counts no more
                on = {k: v for k, v in on.items() if not (v == stage and k in self.deleted)}
            now_shown = list(on.values())[-1] if on else None
            if now_shown != shown:
                changes.append(Move(one.id, self.source.id, shown, now_shown, one.actor, one.at))
                shown = now_shown
        return tuple(changes)


def _status_changes(issue: Issue, source: Shown, shifts: Iterable[Intended]) -> tuple[Move, ...]:
    """The stage is that of the mapped status; one that is not mapped keeps the last.

    Where we put it back to a status that is not mapped, as it had come from there, it is in the stage that we meant.
    """
    order = _order(issue)
    meant = list(shifts)
    told = sorted((one for one in issue.sightings if one.carrier is Carrier.STATUS), key=lambda one: one.order)
    shown: str | None = None
    changes = []
    for one in told:
        stage = source.stage_of(one.name, one.value_id)
        ours = _carried_out(one, shown, stage, meant, order) if one.actor.id == issue.me.id else None
        if ours:
            meant.remove(ours)
            stage = ours.to
        if stage != shown and (ours or stage is not None):
            came_from = tuple(value for value in (one.was_id, one.was_name) if value)
            changes.append(Move(one.id, source.id, shown, stage, one.actor, one.at, came_from=came_from))
            shown = stage
    return tuple(changes)


def _carried_out(
    one: Sighting, shown: str | None, stage: str | None, meant: Iterable[Intended], order: Mapping[str, int]
) -> Intended | None:
    """The intent that this act of ours may have carried out."""
    fits = (shift for shift in meant if shift.was == shown and stage in (None, shift.to))
    return next((shift for shift in fits if order.get(shift.after, -1) < order[one.id]), None)


def _order(issue: Issue) -> dict[str, int]:
    """The place of each sighting in the history."""
    return {one.id: place for place, one in enumerate(sorted(issue.sightings, key=lambda one: one.order))}


def _acts(changes: tuple[Move, ...], issue: Issue, shifts: Iterable[Intended]) -> dict[str, str]:
    """Ours is: an intent of the ledger, our account, exactly its from and to, and the first such change after it."""
    order = _order(issue)
    ours: dict[str, str] = {}
    for shift in shifts:
        behind = order.get(shift.after, -1)
        for change in changes:
            fits = change.actor.id == issue.me.id and (change.was, change.to) == (shift.was, shift.to)
            if fits and order.get(change.id, -1) > behind and change.id not in ours.values():
                ours[shift.key] = change.id
                break
    return ours


def settle(changes: Sequence[Move], now: datetime) -> tuple[tuple[Move, ...], str | None, datetime | None]:
    """Raw changes -> (moves, present stage, when an open gap or slip is settled)."""
    moves: list[Move] = []
    gap: Move | None = None
    for change in changes:
        if gap is not None:
            if change.at - gap.at <= SETTLING:
                change = replace(change, was=gap.was)
            else:
                _add(moves, gap)
            gap = None
        if change.to is None and not change.ours:  # what we do is meant so
            gap = change
        elif change.was != change.to:
            _add(moves, change)
    if gap is None:
        return tuple(moves), changes[-1].to if changes else None, None
    if now - gap.at < SETTLING:
        return tuple(moves), gap.was, gap.at + SETTLING
    _add(moves, gap)
    return tuple(moves), None, None


def _add(moves: list[Move], move: Move) -> None:
    """Append a move; a return to the same stage soon after makes both of them no move."""
    last = moves[-1] if moves else None
    returns = last and (last.was, last.to) == (move.to, move.was) and move.at - last.at <= SETTLING
    if last and returns and not last.ours and not move.ours:
        moves.pop()
    else:
        moves.append(move)


def rank(stage: str | None, stages: Sequence[str]) -> int:
    """How far a stage is; -1 outside the stages, and for one that the file names no more."""
    return stages.index(stage) if stage in stages else -1


def is_forward(move: Move, stages: Sequence[str]) -> bool:
    """Only a forward move is ever judged (law 1)."""
    return rank(move.to, stages) > rank(move.was, stages)


def ladder(moves: Iterable[Move], stages: Sequence[str], admitted: Container[str] = ()) -> tuple[Move, ...]:
    """The forward moves that still hold, lowest first: a backward move removes the rungs above it.

    Half the way back is no way back: who jumps up and returns to a stage between stands above gates that nobody has
    opened. What is left of such a jump is a rung, too: with its verdict if the jump was admitted, else to be judged.
    """
    rungs: list[Move] = []
    for move in moves:
        if is_forward(move, stages):
            rungs.append(move)
            continue
        here = rank(move.to, stages)
        left = [rung for rung in rungs if rank(rung.to, stages) > here > rank(rung.was, stages)]
        rungs = [rung for rung in rungs if rank(rung.to, stages) <= here]
        rungs += [replace(one if one.id in admitted else move, was=one.was, to=move.to) for one in left]
    return tuple(rungs)


@dataclass(frozen=True, slots=True)
class Stay:
    """One time that the feature stood in a stage. `until` None: it stands there now."""

    stage: str
    since: datetime
    until: datetime | None


def stays(moves: Sequence[Move], leave_out: frozenset[str]) -> tuple[Stay, ...]:
    """Where the feature has been; `leave_out` names moves that were never admitted."""
    found = []
    for move, after in zip_longest(moves, moves[1:]):
        if move.to is not None and move.id not in leave_out:
            found.append(Stay(move.to, move.at, after.at if after else None))
    return tuple(found)
