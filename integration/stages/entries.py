"""What the ledger writes down of one feature: entries, appended and never changed. remembered.py adds them up.

Told, seen and agreed are three facts, never one: `Noticed`, `Acknowledged`, `Approved`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from integration.stages.model import Move, Person


class Outcome(StrEnum):
    """What a verdict says. `adopted` stands from before the ledger was born; it was never judged."""

    ADMITTED = "admitted"
    WARNED = "warned"
    BLOCKED = "blocked"
    ADOPTED = "adopted"


class Ended(StrEnum):
    """How an attempt ended."""

    ADMITTED = "admitted"
    CANCELLED = "cancelled"
    MOVED = "moved elsewhere"
    EXPIRED = "expired"
    NOT_PLANNED = "not planned"


@dataclass(frozen=True, slots=True)
class Finding:
    """One requirement's outcome. `ok` None: it could not be evaluated. `look_again_at`: when time alone changes it."""

    says: str
    ok: bool | None
    reason: str = ""
    party: str = ""  # who can mend it; empty: whoever asked
    evidence: tuple[str, ...] = ()  # addresses of comments or events
    look_again_at: datetime | None = None
    parts: tuple[Finding, ...] = ()
    negated: bool = False  # the parts must not be so
    owed: bool = False  # passes for now, as a named person has promised it for later
    waits_for: tuple[str, ...] = ()  # refs of issues whose change may change this
    route: str = ""  # it is about agreeing to this route, and to nothing else


@dataclass(frozen=True, slots=True)
class GateResult:
    """One rule, as its text was, applied to one move."""

    rule: str
    stage: str
    level: str
    ok: bool | None
    findings: tuple[Finding, ...]
    because: str = ""
    when_cleared: str = "apply"
    on_error: str = "closed"
    waived: str = ""  # by whom and why


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict. Once given for a move it stays (law 2), unless it was `blocked`: then the attempt goes on."""

    at: datetime
    move: Move
    outcome: Outcome
    gates: tuple[GateResult, ...] = ()
    mappings: str = ""
    attempt: str = ""
    kind: Literal["judged"] = "judged"


@dataclass(frozen=True, slots=True)
class AttemptOpened:
    """Somebody wants a stage that its gates do not give yet. `attempt` is the id of the move that asked first."""

    at: datetime
    attempt: str
    source: str
    was: str | None
    to: str
    by: Person
    asked_at: datetime
    kind: Literal["attempt_opened"] = "attempt_opened"


@dataclass(frozen=True, slots=True)
class AttemptJoined:
    """The same attempt was asked for again, or for a higher stage."""

    at: datetime
    attempt: str
    move: str
    to: str
    by: Person
    kind: Literal["attempt_joined"] = "attempt_joined"


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """The attempt is over. What was given for it does not count for a later one."""

    at: datetime
    attempt: str
    stage: str
    how: Ended
    by: str = ""
    kind: Literal["attempt_ended"] = "attempt_ended"


@dataclass(frozen=True, slots=True)
class Standing:
    """A blocked move that we could not or may not put back: an escape, never admitted by persistence."""

    at: datetime
    attempt: str
    reason: str
    next_try: datetime | None = None
    kind: Literal["standing"] = "standing"


@dataclass(frozen=True, slots=True)
class Noticed:
    """A party was mentioned. `unreached` says why the mention cannot have reached them; empty: it was resolved."""

    at: datetime
    party: str
    stage: str
    comment: str
    by: Person
    url: str = ""
    unreached: str = ""
    fallback: bool = False
    handles: tuple[str, ...] = ()  # those that were mentioned
    why: Literal["told", "reminded", "escalated"] = "told"
    kind: Literal["noticed"] = "noticed"


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A member of the party has seen it. `plain` when a reply said so, not a command."""

    at: datetime
    party: str
    stage: str
    by: Person
    comment: str
    url: str = ""
    plain: bool = False
    kind: Literal["acknowledged"] = "acknowledged"


@dataclass(frozen=True, slots=True)
class Approved:
    """A member of the party agrees."""

    at: datetime
    party: str
    stage: str
    by: Person
    comment: str
    url: str = ""
    facts: tuple[tuple[str, str], ...] = ()  # name and digest of each fact that it was given for
    kind: Literal["approved"] = "approved"


@dataclass(frozen=True, slots=True)
class NeedsWork:
    """A member of the party says what is missing; undoes what the party gave before, until it gives it again."""

    at: datetime
    party: str
    stage: str
    by: Person
    what: str
    comment: str
    url: str = ""
    kind: Literal["needs_work"] = "needs_work"


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What a party handed back has been seen to: the turn is the party's again, and its clock runs anew."""

    at: datetime
    party: str
    stage: str
    by: Person
    comment: str = ""
    kind: Literal["handed_over"] = "handed_over"


@dataclass(frozen=True, slots=True)
class Voided:
    """An approval fell, as facts that it was given for have changed. `facts` are their names."""

    at: datetime
    party: str
    stage: str
    approval: str  # the comment that gave it
    facts: tuple[str, ...]
    kind: Literal["voided"] = "voided"


@dataclass(frozen=True, slots=True)
class Owed:
    """A debt: the party's word on a stage comes later, by a named person. Paid when the party gives it.

    `who` is that person's handle; `until` None: no date was set. `asks` is the word that pays it.
    """

    at: datetime
    party: str
    stage: str
    by: Person
    who: str
    until: datetime | None = None
    asks: Literal["ack", "approve"] = "ack"
    comment: str = ""
    url: str = ""
    name: str = ""  # what `who` is called
    askers: tuple[str, ...] = ()  # ids of those who asked for the request it was made for: they cannot pay it
    kind: Literal["owed"] = "owed"


@dataclass(frozen=True, slots=True)
class Proposed:
    """A route: the stages that this feature is to visit. `origin` is where it was written."""

    at: datetime
    route: str  # names it for ever
    stages: tuple[str, ...]
    by: Person
    origin: Literal["command", "text"] = "command"
    comment: str = ""
    url: str = ""
    kind: Literal["proposed"] = "proposed"


@dataclass(frozen=True, slots=True)
class Agreed:
    """A party agrees to a route."""

    at: datetime
    route: str
    party: str
    by: Person
    comment: str
    url: str = ""
    kind: Literal["agreed"] = "agreed"


@dataclass(frozen=True, slots=True)
class Routed:
    """From now on this is the feature's route: everybody who has to has agreed, or it changes nothing ahead."""

    at: datetime
    route: str
    stages: tuple[str, ...]
    kind: Literal["routed"] = "routed"


@dataclass(frozen=True, slots=True)
class Held:
    """Nothing goes forward until somebody resumes it, or until the date."""

    at: datetime
    by: Person
    why: str
    comment: str
    parties: tuple[str, ...] = ()  # of the holder
    until: datetime | None = None
    kind: Literal["held"] = "held"


@dataclass(frozen=True, slots=True)
class Resumed:
    """The hold is over."""

    at: datetime
    by: Person
    comment: str
    kind: Literal["resumed"] = "resumed"


@dataclass(frozen=True, slots=True)
class Waived:
    """One rule is waived for one attempt on one stage."""

    at: datetime
    rule: str
    stage: str
    by: Person
    why: str
    comment: str
    until: datetime | None = None
    kind: Literal["waived"] = "waived"


@dataclass(frozen=True, slots=True)
class Heard:
    """A comment was read; what it was then is what counts. `answer` names the reply that it got."""

    at: datetime
    comment: str
    by: Person
    command: str = ""
    allowed: bool = True
    reply: str = ""
    kind: Literal["heard"] = "heard"


@dataclass(frozen=True, slots=True)
class Intended:
    """Something is to be said or done, once: `key` names it for ever. `was` and `to` are a shift's."""

    at: datetime
    key: str
    what: Literal["say", "shift", "react"]
    was: str | None = None
    to: str | None = None
    source: str = ""
    after: str = ""  # the last sighting read before: ours is the first such sighting after it
    tells: tuple[str, ...] = ()  # a say's: the parties that it mentions
    handles: tuple[tuple[str, ...], ...] = ()  # and by which handles, in the same order
    stage: str = ""  # a say's: what they are told of
    route: str = ""  # a say's: the route that it asks them to agree to, too
    outcome: Outcome | None = None  # an apply's: the verdict that the move will carry
    gates: tuple[GateResult, ...] = ()
    kind: Literal["intended"] = "intended"


@dataclass(frozen=True, slots=True)
class Tried:
    """The request is about to leave. Without a `Done` behind it, what became of it is unknown."""

    at: datetime
    key: str
    kind: Literal["tried"] = "tried"


@dataclass(frozen=True, slots=True)
class Done:
    """It was said or done. `comment` is the comment's id, `digest` of a text that is edited in place."""

    at: datetime
    key: str
    comment: str = ""
    digest: str = ""
    kind: Literal["done"] = "done"


@dataclass(frozen=True, slots=True)
class Failed:
    """The tracker refused it, for a reason in words; it is not tried again before somebody or time changes that."""

    at: datetime
    key: str
    reason: str
    kind: Literal["failed"] = "failed"


@dataclass(frozen=True, slots=True)
class Doubted:
    """Something cannot be evaluated, from now on; or, where it is `over`, all of it can be again."""

    at: datetime
    over: bool = False
    kind: Literal["doubted"] = "doubted"


@dataclass(frozen=True, slots=True)
class Frozen:
    """The issue was deleted, or is out of our sight."""

    at: datetime
    reason: str
    kind: Literal["frozen"] = "frozen"


@dataclass(frozen=True, slots=True)
class Carried:
    """The issue lives elsewhere now; all that was recorded goes with it."""

    at: datetime
    was: str
    now: str
    kind: Literal["carried"] = "carried"


@dataclass(frozen=True, slots=True)
class LabelVanished:
    """A stage's label was deleted from the place: nobody is told, the admin is."""

    at: datetime
    label: str
    stage: str
    kind: Literal["label_vanished"] = "label_vanished"


Entry = (
    Judged
    | AttemptOpened
    | AttemptJoined
    | AttemptEnded
    | Standing
    | Noticed
    | Acknowledged
    | Approved
    | NeedsWork
    | HandedOver
    | Voided
    | Owed
    | Proposed
    | Agreed
    | Routed
    | Held
    | Resumed
    | Waived
    | Heard
    | Intended
    | Tried
    | Done
    | Failed
    | Doubted
    | Frozen
    | Carried
    | LabelVanished
)

Evidence = Noticed | Acknowledged | Approved | NeedsWork | HandedOver | Waived


@dataclass(frozen=True, slots=True)
class Met:
    """A gate that was shut when this move was let through is open now.

    No entry, as nothing is judged by it: it stands beside the chain.
    """

    move: str
    rule: str
