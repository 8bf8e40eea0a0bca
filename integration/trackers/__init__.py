"""The world, in our words: what we ask of a tracker, and the three kinds of error that it may answer with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from integration.stages.model import Comment, Issue, Label, Person, Ref, Related

if TYPE_CHECKING:  # `deliveries` is in this package too, and the web does without the libraries that this brings
    from integration.stages.texts.markup import Text


class TrackerError(Exception):
    """Something at a tracker went wrong. The message is for people and holds no secret."""


class Unavailable(TrackerError):
    """The tracker did not answer, or asked us to wait: try again, not before `retry_at` where it is given.

    `unknown` is True when the request may have taken effect all the same (its answer was lost); `unsent` when we know
    that it never left us, because it would have been one too many.
    """

    def __init__(
        self, message: str, retry_at: datetime | None = None, unknown: bool = False, unsent: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_at = retry_at
        self.unknown = unknown
        self.unsent = unsent


class Refused(TrackerError):
    """The tracker understood and said no: a missing permission, no way back, a required field. Trying again is idle."""


class Locked(Refused):
    """The issue itself takes nothing from us: locked, archived, or its workflow says no. Its people can mend that."""


class Gone(TrackerError):
    """The issue (or comment) is not there, or not for us. `now` is where the issue lives today, if the tracker says."""

    def __init__(self, message: str, now: Ref | None = None) -> None:
        super().__init__(message)
        self.now = now


@contextmanager
def beside() -> Iterator[None]:
    """Around what is asked beside the issue: that it is not there says nothing of the issue, and is a refusal."""
    try:
        yield
    except Gone as gone:
        raise Refused(str(gone)) from None


EVERYTHING = frozenset({"issues", "pages"})  # what an issue may be tied to


@dataclass(frozen=True, slots=True)
class Question:
    """May this person speak so? Asks for membership of the team or group, or for the right to triage at the place."""

    person: Person
    team: str = ""  # GitHub: org/slug
    group: str = ""  # Jira: a group's name
    triage: bool = False


class Filed(Protocol):
    """A tracker whose places hold files, too. Raises what a `Tracker` raises."""

    def file(self, ref: Ref, path: str) -> bytes | None:
        """A file in the default branch of the issue's place as it is now; None where there is none.

        One call. Raises `Refused` where we may not read it, and for what is too large, or no file.
        """


class Tracker(Protocol):
    """What the house needs of a tracker. Every method is one or few calls, each with connect, read and total time-outs.

    All of them raise `Unavailable`, `Refused` or `Gone`, and nothing else. `Gone` is said of the issue itself, and of
    the comment that is to be changed, never of what is asked beside it: a team, a group, a label, a linked page. None
    of them sleeps, and none retries a request that could take effect twice.
    """

    def fetch(self, ref: Ref, fresh: bool = False) -> Issue:
        """Read one whole snapshot. Raises `Gone` with `now` when the issue lives elsewhere.

        What was read before and provably holds is not read again; `fresh` reads everything, as is wanted for an issue
        that the ledger knows nothing of.
        """

    def recheck(self, ref: Ref, issue: Issue) -> Issue:
        """The issue as it is now, just before its stage is changed: `issue` is what was fetched for this run.

        One call when nothing has happened since but what we said ourselves; else as much as `fetch`.
        """

    def room(self, ref: Ref, comments: int = 0, writes: int = 0) -> None:
        """Raises `Unavailable`, unsent, when so many new comments and other changes are too much at this moment.

        Asked before something is noted as tried, so that a limit never leaves an outcome unknown. Asks nobody outside.
        """

    def say(self, ref: Ref, text: Text, token: str) -> Comment:
        """Post a comment that carries `token` as our marker; the answer tells which mentions were rendered."""

    def edit(self, ref: Ref, comment_id: str, text: Text, token: str) -> None:
        """Replace the text of a comment of our own. Raises `Gone` when somebody deleted it."""

    def remove(self, ref: Ref, comment_id: str) -> None:
        """Delete a comment of our own; fine if it is gone already."""

    def react(self, ref: Ref, comment_id: str, sign: str) -> None:
        """Answer a comment with a small sign (`+1`, `confused`), where the tracker knows reactions; else nothing."""

    def pin(self, ref: Ref, comment_id: str) -> None:
        """Keep a comment of our own in sight at the top of the issue: where the tracker can, and nothing is there."""

    def related(self, ref: Ref, issue: Issue, wanted: frozenset[str] = EVERYTHING) -> tuple[Related, ...]:
        """What is tied to the issue, open or not: its `issues`, its `pages`, or both, as `wanted` says.

        Issues: sub-issues, blocking and linked ones; those that are open with their labels. Pages: Jira's remote links.
        Asked only where the file has a rule that looks at them, and cheapest right after `fetch`, whose answer is not
        read again. Raises `Refused` where we may not know.
        """

    def put_label(self, ref: Ref, name: str) -> None:
        """Put one label on; fine if it is on already. Never replaces the set."""

    def take_label(self, ref: Ref, name: str) -> None:
        """Take one label off; fine if it is not on."""

    def transition(self, ref: Ref, to: Sequence[str]) -> None:
        """Move the issue to the first status of `to` (ids or names, best first) that a transition leads to.

        Raises `Refused` with the reason in words when none leads there or the tracker's workflow says no.
        """

    def fill(self, ref: Ref, field: str, text: str) -> None:
        """Write a text into a field (by its id, or its name), an empty one to empty it; fine if it holds that already.

        By a transition of our own that leads back to where the issue stands and shows the field, where the workflow
        has one; else as an edit. Raises `Refused` in words where there is no such field, or it is not ours to write.
        """

    def answer(self, ref: Ref, question: Question) -> bool:
        """Ask the tracker now, uncached. Raises `Refused` where we may not know."""

    def unreached(self, ref: Ref, comment: Comment, handles: Iterable[str]) -> dict[str, str]:
        """Of `handles`, those that this comment cannot have reached, each with the reason in words.

        What we may not know, or is not there, is a reason too. Reached means: rendered as a link, and (a team) its
        notifications are on and a member of it can read the issue; (a Jira account) it is active and may browse it.
        """

    def members(self, ref: Ref, group: str) -> tuple[str, ...]:
        """The handles of a Jira group's people, at most ten. On GitHub nobody: a team is mentioned as a whole."""

    def called(self, ref: Ref, handle: str) -> str:
        """What the person of this handle is called; the handle itself where the tracker does not say."""

    def label_names(self, ref: Ref) -> tuple[Label, ...]:
        """All labels of the issue's place as they are called now."""
