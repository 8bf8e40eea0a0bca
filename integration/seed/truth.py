"""What the script knows by itself: how each story was meant to end, to hold what the pages tell against.

Nothing here is read from the ledger. Times are those of people's acts; what the service does follows within a minute.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Literal

from integration.seed.working_hours import working_time

Kind = Literal["no notice", "no view", "no soak", "standing"]


@dataclass(frozen=True, slots=True)
class Escape:
    """It was in Public although something was missing.

    `no notice`: nobody had mentioned the `party` on the issue by then (not asked of what is internal-only); `no view`:
    no stakeholder had answered; `no soak`: fewer than five days in Beta, and no agreed route without Beta; `standing`:
    it was blocked, and could not be put back. `before`: the ledger was not born yet. `waived`: the rule was waived.
    """

    ref: str
    at: datetime
    kind: Kind
    party: str = ""
    before: bool = False
    waived: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """A party was told of a stage (first since its last answer) and answered: ack, approve, needs-work, or a reply."""

    ref: str
    party: str
    stage: str
    told: datetime
    answered: datetime

    @property
    def working(self) -> timedelta:
        """How long it took, in the party's working time."""
        return working_time(self.told, self.answered)


@dataclass(frozen=True, slots=True)
class Block:
    """A request that was blocked when it was made, and by which rules."""

    ref: str
    at: datetime
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Waiver:
    """A rule that somebody waived."""

    ref: str
    rule: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Debt:
    """A party's word that was put off; `paid` None: it is still owed."""

    ref: str
    party: str
    stage: str
    who: str
    at: datetime
    paid: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stay:
    """A time in a stage; `until` None: it is there now. Seconds in a stage that it was put back from are none."""

    ref: str
    stage: str
    since: datetime
    until: datetime | None = None


@dataclass(slots=True)
class Feature:
    """One story, and all that came of it."""

    ref: str
    story: str
    stage: str = ""
    wanted: str = ""  # the stage that is asked for and not given yet
    held: bool = False
    closed: str = "open"
    adopted: bool = False  # it has been in its stage since before the ledger was born
    disagrees: bool = False
    escapes: list[Escape] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    waivers: list[Waiver] = field(default_factory=list)
    debts: list[Debt] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)


@dataclass(frozen=True)
class Truth:
    """All stories together."""

    features: Sequence[Feature]

    @property
    def stages(self) -> Mapping[str, int]:
        """How many features stand where."""
        return Counter(one.stage for one in self.features)

    @property
    def escapes(self) -> list[Escape]:
        """Every escape, the oldest first."""
        return sorted((each for one in self.features for each in one.escapes), key=lambda one: (one.at, one.ref))

    @property
    def responses(self) -> list[Response]:
        """Every answer, the oldest first."""
        return sorted(
            (each for one in self.features for each in one.responses), key=lambda one: (one.answered, one.ref)
        )

    @property
    def blocks(self) -> list[Block]:
        """Every blocked request."""
        return [each for one in self.features for each in one.blocks]

    @property
    def waivers(self) -> list[Waiver]:
        """Every waiver."""
        return [each for one in self.features for each in one.waivers]

    @property
    def debts(self) -> list[Debt]:
        """Every word that was put off."""
        return [each for one in self.features for each in one.debts]

    @property
    def stays(self) -> list[Stay]:
        """Every time in a stage."""
        return [each for one in self.features for each in one.stays]

    def escapes_by_kind(self) -> dict[str, int]:
        """How many of each kind; without notice, for each party."""
        named = (f"{one.kind} to {one.party}" if one.party else one.kind for one in self.escapes)
        return dict(sorted(Counter(named).items()))

    def blocks_by_rule(self) -> dict[str, int]:
        """How many requests each rule has blocked."""
        return dict(sorted(Counter(rule for one in self.blocks for rule in one.rules).items()))

    def medians(self) -> dict[str, float]:
        """The median of each party's answers, in working hours."""
        hours: dict[str, list[float]] = {}
        for one in self.responses:
            hours.setdefault(one.party, []).append(one.working / timedelta(hours=1))
        return {party: round(median(found), 1) for party, found in sorted(hours.items())}

    def as_values(self) -> dict[str, object]:
        """For machines: the sums, and every feature."""
        return {
            "stages": dict(self.stages),
            "escapes": self.escapes_by_kind(),
            "blocks": self.blocks_by_rule(),
            "median_working_hours": self.medians(),
            "features": [_plain(asdict(one)) for one in self.features],
        }

    def lines(self, stages: Iterable[tuple[str, str]]) -> Iterable[str]:
        """For people; `stages` are keys and names."""
        for stage, name in stages:
            yield f"  {name:<18} {self.stages.get(stage, 0):>6}"
        yield "Escaped: " + _listed(self.escapes_by_kind())
        yield "Blocked by: " + _listed(self.blocks_by_rule())
        yield "Median answer in working hours: " + _listed(self.medians())


def _listed(counted: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {many}" for name, many in counted.items()) or "none"


def _plain(value: object) -> object:
    """Without what JSON does not know."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, datetime) else value
