"""How each text that we post comes about: short plays, each on both trackers at once, by a clock that stands.

A play yields nothing and asserts nothing: it lets things happen and shows what was posted. `docs/what-it-says.md` and
`docs/what-it-says.html` are made of what is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import Any

from integration.sandbox.people import PEOPLE
from integration.sandbox.world import Fault
from tests.stories.cast import Cast
from tests.stories.files import escalate_to, rota
from tests.stories.house import OnGitHub, OnJira
from workers import digests


@dataclass(frozen=True)
class Scene:
    """One text: its name, when it is said and to whom, and on which trackers."""

    key: str
    name: str
    when: str
    on: tuple[str, ...] = ("github", "jira")


@dataclass(frozen=True)
class Play:
    """What is played in one house, under one heading of the page."""

    part: str
    scenes: tuple[Scene, ...]
    perform: Callable[[Cast], None]

    @property
    def name(self) -> str:
        return self.perform.__name__


PLAYS: list[Play] = []


def shows(part: str, *scenes: Scene) -> Callable[[Callable[[Cast], None]], Callable[[Cast], None]]:
    """The play below shows these, in this order."""

    def add(perform: Callable[[Cast], None]) -> Callable[[Cast], None]:
        PLAYS.append(Play(part, scenes, perform))
        return perform

    return add


LATER = {"respond_within": "4 working hours", "escalate_to": escalate_to("support-lead")}
BRIEFING = (
    "[What changes, Who is affected, Known limits, Help page, How to undo, {title: Who to ask, otherwise: asker}]"
)
TEXT = {
    "What_changes": "An invoice can be saved as a PDF.",
    "Who_is_affected": "Everybody who sends invoices.",
    "Help_page": "https://help.acme.example/pdf",
    "How_to_undo": "Switch off the flag pdf-export.",
}
IN_FORCE = "level: block, effective: 2026-12-01"
KNOW_FIRST = "because: Support answers our customers; they must know first."
ACK = f"\n  - {{id: support-before-public, entering: public, require: [acknowledged: {{party: support}}], {IN_FORCE},\n     {KNOW_FIRST}}}\n"  # noqa: E501
AHEAD = ACK.replace("[ack", "[notified: {party: support, ahead: 1 working day}, ack")


def _asked(cast: Cast, rules: str = ACK, **changes: Any) -> None:
    """A feature in Beta since ten o'clock; at eleven Erin asks for Public."""
    cast.put_in_force(rules, **changes)
    cast.open("beta", **TEXT)
    cast.at("11:00")
    cast.moves("public")


# --- a stage is asked for ---------------------------------------------------------------------------------------------

ASKED = "A stage is asked for"


@shows(
    ASKED,
    Scene("entered", "A feature has entered a stage", "Told to the parties that `notify` names; nobody has to answer."),
    Scene(
        "blocked",
        "The gate is shut",
        "Said at once when somebody asks for a stage whose rules are not met yet. It mentions who has to act and who"
        " is to know, briefs them from the issue's own text, and shows what is missing there.",
    ),
    Scene(
        "living-awaited",
        "The living comment, while somebody is awaited",
        "One for each issue, edited in place: what is still open, and who is next. It mentions nobody.",
    ),
    Scene(
        "living-time",
        "The living comment, while only time is awaited",
        "Support has seen it; the working day that it is to know ahead is not over yet.",
    ),
    Scene(
        "living-rest",
        "The living comment, when nothing is awaited",
        "The gates have opened, and the stage was set. Nobody gets a new comment for that.",
    ),
    Scene(
        "went-back",
        "A feature has left a stage",
        "Told to those who were told of the stage, once the move back has stood for five minutes.",
    ),
)
def from_beta_to_public_and_back(cast: Cast) -> None:
    notify = (
        "\n  - {entering: beta, parties: [support], level: post, effective: 2026-12-01}"
        "\n  - {entering: public, parties: [growth], level: post, effective: 2026-12-01}"
    )
    parties = {"support": {"briefing": BRIEFING}, "growth": {"briefing": "[What changes, Audience]"}}
    cast.put_in_force(AHEAD, notify, parties=parties)
    cast.open("internal", **TEXT)
    cast.at("10:30")
    cast.moves("beta")
    cast.shows("entered")
    cast.at("11:00")
    cast.moves("public")
    cast.shows("blocked")
    cast.shows_living("living-awaited")
    cast.at("14:00")
    cast.says("/stage ack", by="sam")
    cast.shows_living("living-time")
    cast.at("8 11:10")
    cast.shows_living("living-rest")
    cast.at("8 16:00")
    cast.moves("beta", by="evan")
    cast.at("8 16:10")
    cast.shows("went-back")


@shows(
    ASKED,
    Scene(
        "blocked-duty",
        "Two parties are asked, and one person is on duty",
        "A party with a rota is mentioned by the one whose turn it is. Where an approval is asked for, the comment says"
        " so.",
    ),
)
def on_duty(cast: Cast) -> None:
    rules = ACK.replace("{party: support}", "{party: support}, approved: {party: growth}").replace(
        "[ack", "[{ack").replace("}, approved", "}}, {approved").replace("growth}]", "growth}}]")  # fmt: skip
    _asked(cast, rules, parties={"support": {**LATER, **rota("sam", "sofia", starts="2026-11-30")}})
    cast.shows("blocked-duty")


@shows(
    ASKED,
    Scene(
        "also-needed",
        "Somebody else is needed, too",
        "The request was raised to a higher stage, or a rule has come to apply: those who were not asked so far are.",
    ),
)
def raised(cast: Cast) -> None:
    internal = ACK.replace("support-before-public", "support-before-internal").replace("g: public", "g: internal")
    growth = f"  - {{id: growth-before-public, entering: public, require: [approved: {{party: growth}}], {IN_FORCE}}}\n"
    cast.put_in_force(internal + growth)
    cast.open("development", **TEXT)
    cast.at("11:00")
    cast.moves("internal")
    cast.at("11:30")
    cast.moves("public")
    cast.shows("also-needed")


@shows(
    ASKED,
    Scene(
        "warned",
        "Let through with a warning",
        "A rule of level `warn` is not met: the stage stays as it was set, and those who can give what is missing hear"
        " of it.",
    ),
)
def only_a_warning(cast: Cast) -> None:
    _asked(cast, ACK.replace("level: block", "level: warn"))
    cast.shows("warned")


@shows(
    ASKED,
    Scene(
        "fallback",
        "A mention has reached nobody",
        "The tracker's answer shows that the mention reached nobody. The people who are named for that case are asked.",
    ),
)
def reaches_nobody(cast: Cast) -> None:
    world = cast.house.world
    world.github.team_visible["support"] = False
    for login in ("sam", "sofia"):
        world.jira.deactivate(login)
    _asked(cast)
    cast.shows("fallback")


@shows(
    ASKED,
    Scene(
        "living-reply",
        "The living comment, after a plain reply",
        "A reply without a command counts a quarter of an hour later, so that somebody can still say `/stage hold`.",
    ),
    Scene(
        "cleared",
        "All gates are open, and a person sets the stage",
        "Where a rule says `when_cleared: tell`, the service does not set the stage itself.",
    ),
)
def all_open(cast: Cast) -> None:
    _asked(cast, ACK.replace("}\n", ", when_cleared: tell}\n"))
    cast.at("11:30")
    cast.says("Thanks, we have read it.", by="sam")
    cast.shows_living("living-reply")
    cast.at("11:46")
    cast.shows("cleared")


@shows(
    ASKED,
    Scene(
        "standing",
        "Set again and again",
        "After three put-backs within a day the service stops, says so once, and asks those whom the party escalates"
        " to.",
    ),
    Scene(
        "living-standing",
        "The living comment, while it stands there all the same",
        "Nobody is told that it has entered Public.",
    ),
)
def fought_over(cast: Cast) -> None:
    _asked(cast)
    for minute in (6, 12, 18):
        cast.at(f"11:{minute:02d}")
        cast.moves("public")
    cast.shows("standing")
    cast.shows_living("living-standing")


@shows(
    ASKED,
    Scene(
        "no-way-back",
        "There is no way back",
        "A Jira workflow that has no transition back: said once.",
        on=("jira",),
    ),
)
def no_way_back(cast: Cast) -> None:
    team = OnJira(cast.house)
    team.project = "ONE"
    cast.teams = (team,)
    _asked(cast)
    cast.shows("no-way-back")


# --- nobody has answered ----------------------------------------------------------------------------------------------

CHASED = "Somebody has not answered"


@shows(
    CHASED,
    Scene("reminded", "One reminder", "After the party's own `respond_within`, in its own working time."),
    Scene(
        "escalated",
        "Those whom the party escalates to",
        "After as long again. All of the party is mentioned with them; after this nobody is.",
    ),
)
def silence(cast: Cast) -> None:
    _asked(cast, parties={"support": LATER})
    cast.at("15:10")
    cast.shows("reminded")
    cast.at("8 10:50")
    cast.shows("escalated")


@shows(
    CHASED,
    Scene(
        "living-needs-work",
        "The living comment, after “needs work”",
        "The turn is with whoever asked; the party's clock is stopped.",
    ),
    Scene(
        "handed-over",
        "What was handed back has been seen to",
        "Whoever asked has written `/stage recheck`, or asked for the stage again.",
    ),
)
def needs_work(cast: Cast) -> None:
    _asked(cast, parties={"support": LATER})
    cast.at("11:30")
    cast.says("/stage needs-work the help page is missing", by="sam")
    cast.shows_living("living-needs-work")
    cast.at("13:00")
    cast.says("/stage recheck", by="erin")
    cast.shows("handed-over")


@shows(
    CHASED,
    Scene(
        "voided",
        "An approval has fallen",
        "A fact that it was given for has changed. Said five minutes after the last change, and only while the"
        " approval is needed.",
    ),
)
def a_fact_has_changed(cast: Cast) -> None:
    void = "{party: support, voided_by: [description]}"
    _asked(cast, AHEAD.replace("acknowledged: {party: support}", f"approved: {void}"))
    cast.at("12:00")
    cast.says("/stage approve", by="sam")
    cast.at("13:00")
    cast.describes(**{**TEXT, "What_changes": "Every document can be saved as a PDF."})
    cast.at("13:10")
    cast.shows("voided")


@shows(
    CHASED,
    Scene("living-hold", "The living comment, on hold", "Somebody has written `/stage hold until Friday WHY`."),
)
def held(cast: Cast) -> None:
    _asked(cast)
    cast.at("11:30")
    cast.says("/stage hold until Friday the invoice run comes first", by="sam")
    cast.shows_living("living-hold")


# --- routes -----------------------------------------------------------------------------------------------------------

ROUTES = "Routes"
AGREED = "routes: {agreed_by: [growth, support], effective: 2026-12-01}"
ON_ROUTE = f"\n  - {{id: on-the-way, entering: public, require: [follows_route], {IN_FORCE}}}\n"


@shows(
    ROUTES,
    Scene("route-proposed", "A route is proposed", "Somebody has written `/stage route internal, public`."),
    Scene("living-proposed", "The living comment, while a route is proposed", "The rules go on as before."),
    Scene("route-reminded", "A party has not agreed yet", "One reminder, after the party's own `respond_within`."),
    Scene("route-escalated", "Nor after the reminder", "Those whom the party escalates to are asked, once."),
    Scene("living-route", "The living comment, with an agreed route", "All who are named have agreed."),
    Scene("route-changed", "Another route is proposed", "A change asks anew only where it touches what lies ahead."),
)
def a_route(cast: Cast) -> None:
    cast.put_in_force(ON_ROUTE, more=AGREED, parties={"support": LATER})
    cast.open("development", **TEXT)
    cast.at("11:00")
    cast.says("/stage route internal, public", by="erin")
    cast.shows("route-proposed")
    cast.at("11:30")
    cast.says("/stage ack", by="gus")
    cast.shows_living("living-proposed")
    cast.at("15:10")
    cast.shows("route-reminded")
    cast.at("8 10:50")
    cast.shows("route-escalated")
    cast.at("8 11:00")
    cast.says("/stage ack", by="sam")
    cast.shows_living("living-route")
    cast.at("8 12:00")
    cast.says("/stage route public", by="erin")
    cast.shows("route-changed")


@shows(
    ROUTES,
    Scene("route-in-text", "The issue's text proposes a route", "It has a heading “Release stages”, or a Jira field."),
    Scene("living-no-stage", "The text names a stage that there is none of", "Said in the living comment, to nobody."),
)
def in_the_text(cast: Cast) -> None:
    cast.put_in_force(ON_ROUTE, more=AGREED)
    cast.open("development", **TEXT, Release_stages="* Internal Release\n* Public Release")
    cast.shows("route-in-text")
    cast.at("11:00")
    cast.describes(**TEXT, Release_stages="* Gamma\n* Public Release")
    cast.shows_living("living-no-stage")


# --- debts ------------------------------------------------------------------------------------------------------------

DEBTS = "A word that comes later"
PUT_OFF = (
    ACK.replace("support-before-public", "support-before-beta")
    .replace("g: public", "g: beta")
    .replace("level", "later: 5 working days, level")
    + f"  - {{id: nothing-owed, entering: public, require: [no_debt], {IN_FORCE},\n"
    "     because: What was put off is done before everybody gets it.}\n"
)


@shows(
    DEBTS,
    Scene(
        "living-debt",
        "The living comment, while a word is owed",
        "Somebody of Support has written `/stage later support by @sofia until Friday`, and a rule lets them.",
    ),
    Scene("blocked-by-debt", "A debt keeps the next stage shut", "A rule asks for `no_debt`."),
    Scene("debt-due", "The day has come", "To the person who is named for it."),
    Scene("debt-escalated", "It is still owed", "To those whom the party escalates to, and to that person."),
)
def a_debt(cast: Cast) -> None:
    cast.put_in_force(PUT_OFF, parties={"support": LATER})
    cast.open("internal", **TEXT)
    cast.at("11:00")
    cast.moves("beta")
    cast.at("11:30")
    cast.says("/stage later support by @sofia until Friday", by="sam")
    cast.shows_living("living-debt")
    cast.at("8 11:00")
    cast.moves("public")
    cast.shows("blocked-by-debt")
    cast.says("/stage cancel", by="erin")
    cast.at("14 09:10")
    cast.shows("debt-due")
    cast.at("14 13:30")
    cast.shows("debt-escalated")


# --- answers ----------------------------------------------------------------------------------------------------------

ANSWERS = "Answers to what people write"
MANY = (
    ACK.replace("level", "later: 5 working days, level")
    + f"  - {{id: others-before-public, entering: public, require: [approved: {{party: growth}}], {IN_FORCE}}}\n"
    f"  - {{id: docs-before-beta, entering: beta, require: [acknowledged: {{party: docs}}], {IN_FORCE}}}\n".replace(
        "block", "warn"
    )
)


def _said(key: str, text: str, why: str = "", on: tuple[str, ...] = ("github", "jira")) -> Scene:
    """The answer to a command, named by what was written."""
    return Scene(f"answer-{key}", f"`{text}`", why, on)


@shows(
    ANSWERS,
    _said("help", "/stage help", "To whoever has to do with the issue."),
    _said("status", "/stage status", "What the living comment shows, as it is now."),
    _said("check-shut", "/stage check public", "Before anybody moves anything: the gate is shut."),
    _said("check-warn", "/stage check beta", "The rule only warns."),
    _said("check-open", "/stage check internal", "Nothing is asked for."),
    _said("check-back", "/stage check development", "It stands there already, or further on."),
)
def questions(cast: Cast) -> None:
    cast.put_in_force(MANY)
    cast.open("development", **TEXT)
    cast.at("11:00")
    cast.moves("public")
    cast.at("11:30")
    for text, by in (
        ("help", "erin"), ("status", "gus"), ("check public", "evan"), ("check beta", "evan"),
        ("check internal", "erin"), ("check development", "erin"),
    ):  # fmt: skip
        cast.says(f"/stage {text}", by)
    cast.shows(*(one.key for one in PLAYS_BY["questions"].scenes))


@shows(
    ANSWERS,
    _said("asker", "/stage ack", "Written by whoever asked for the stage: their own word opens no gate."),
    _said("may-not", "/stage approve support", "Written by somebody of Growth."),
    _said("may-not-waive", "/stage waive support-before-public …", "Written by somebody who may waive nothing."),
    _said("which-party", "/stage approve", "Written by somebody who is of two parties that were asked."),
    _said("not-held", "/stage resume", "Nobody holds it."),
    _said("not-of", "/stage later support by @gwen until Friday", "Gwen is of Growth."),
    _said("too-late", "/stage later support by @sofia until 2027-01-31", "Later than the rule lets them."),
    _said("no-later", "/stage later growth by @gwen until Friday", "No rule lets Growth answer later."),
    _said("no-routes", "/stage route public", "The file has no routes."),
)
def what_does_not_work(cast: Cast) -> None:
    both = {"on_github": ", users: [gus]", "on_jira": f", users: [{PEOPLE['gus'].account_id}]"}
    cast.put_in_force(MANY, parties={"docs": both})
    cast.open("internal", **TEXT)
    cast.at("11:00")
    cast.moves("public")
    cast.at("11:30")
    for text, by in (
        ("ack", "erin"), ("approve support", "gus"), ("waive support-before-public we are in a hurry", "sam"),
        ("approve", "gus"), ("resume", "sam"), ("later support by @gwen until Friday", "sam"),
        ("later support by @sofia until 2027-01-31", "sam"), ("later growth by @gwen until Friday", "gus"),
        ("route public", "erin"),
    ):  # fmt: skip
        cast.says(f"/stage {text}", by)
    cast.shows(*(one.key for one in PLAYS_BY["what_does_not_work"].scenes))


@shows(
    ANSWERS,
    _said("may-not-cancel", "/stage cancel", "By somebody who neither asked nor may triage.", on=("github",)),
)
def not_theirs(cast: Cast) -> None:
    cast.teams = cast.teams[:1]  # on the sandbox's Jira everybody at acme may triage
    _asked(cast)
    cast.at("11:30")
    cast.says("/stage cancel", by="gus")
    cast.shows("answer-may-not-cancel")


@shows(
    ANSWERS,
    Scene("answer-nothing-to-cancel", "`/stage cancel`, and nothing is asked for", ""),
    Scene("answer-not-ahead", "`/stage request beta`, and the feature stands in Beta", ""),
    Scene(
        "answer-anew",
        "A command in a comment that was edited",
        "A comment counts as it was when it was first read; what it was before, nobody can know.",
    ),
)
def nothing_asked_for(cast: Cast) -> None:
    cast.put_in_force(ACK)
    cast.open("beta", **TEXT)
    cast.at("11:00")
    cast.says("/stage cancel", by="erin")
    cast.shows("answer-nothing-to-cancel")
    cast.says("/stage request beta", by="erin")
    cast.shows("answer-not-ahead")
    world = cast.house.world
    world.hooks.hold()
    for team in cast.teams:
        team.write("fine", by="sam")
    cast.house.traveller.shift(120)
    github, jira = cast.teams
    assert isinstance(github, OnGitHub) and isinstance(jira, OnJira)
    repo = world.github.repo(github.repo)
    newest = world.github.issue(repo, github.number).comments[-1]
    world.github.edit_comment(github.repo, newest.id, "/stage ack", "sam")
    world.jira.edit_comment(str(world.jira.issue(jira.key).comments[-1].id), "/stage ack", "sam")
    world.hooks.release()
    cast.house.settle()
    cast.shows("answer-anew")


@shows(
    ANSWERS,
    Scene(
        "answer-no-command",
        "A command that there is none of",
        "A slip of the fingers. In ten minutes one such answer; after that a sign, and no words.",
    ),
    Scene("answer-no-stage", "A stage that there is none of", "The nearest one is offered."),
    Scene("answer-no-rule", "A rule that there is none of", "So it is for parties, too."),
    _said("no-why", "/stage hold", "Without a reason."),
    _said("no-date", "/stage hold until soon, we hope", "With a date that is none."),
    _said("no-person", "/stage later support until Friday", "With nobody named."),
    Scene("answer-several", "Several commands in one comment", "One comment is answered with one comment."),
)
def slips(cast: Cast) -> None:
    cast.put_in_force(MANY)
    cast.open("beta", **TEXT)
    cast.at("10:50")
    cast.moves("public")
    several = "/stage needs-work\n/stage hold until 2026-11-30 late\n/stage ack suport\n/stage resume\n/stage route"
    written = (
        ("sam", "/stage aprove"), ("erin", "/stage check pubic"), ("rhea", "/stage waive support-befor-public hurry"),
        ("sam", "/stage hold"), ("sam", "/stage hold until soon, we hope"),
        ("sam", "/stage later support until Friday"), ("sam", several),
    )  # fmt: skip
    for number, (scene, (by, text)) in enumerate(zip(PLAYS_BY["slips"].scenes, written, strict=True)):
        cast.at(f"{11 + number // 4}:{number % 4 * 15:02d}")
        cast.says(text, by)
        cast.shows(scene.key)


# --- the issue cannot be looked at ------------------------------------------------------------------------------------


@shows(
    "The issue cannot be looked at",
    Scene(
        "unseen",
        "The living comment, while the tracker does not answer",
        "After three tries, edited in place; nobody gets a new comment for it. The next look that succeeds brings the"
        " comment back.",
    ),
    Scene(
        "unseen-admin",
        "The living comment, while only the admin can mend it",
        "A missing permission, or a fault of ours. Why is in the log, and in `release-stages failed`.",
    ),
)
def the_tracker_fails(cast: Cast) -> None:
    _asked(cast)
    _fails(cast, 500, "13:00", "13:01", "13:03")
    cast.shows_living("unseen")
    _fails(cast, 403, "16:00", "16:01", "16:03")
    cast.shows_living("unseen-admin")


def _fails(cast: Cast, status: int, *tries: str) -> None:
    """Everything that is read of an issue is answered so, from the first of these times on."""
    faults = cast.house.world.faults
    faults.clear()
    cast.at(tries[0])
    faults.add(Fault(r"^GET .*/issues?/", "before", status=status, times=-1))
    cast.says("How far are we?", by="evan")
    for when in tries[1:]:
        cast.at(when)


# --- digests ----------------------------------------------------------------------------------------------------------


@shows(
    "Digests",
    Scene(
        "digest",
        "A party's digest",
        "On the days that the party chooses, on an issue that it names, and by e-mail or chat where it has addresses."
        " With nothing to say nothing is sent.",
    ),
)
def a_digest(cast: Cast) -> None:
    both = ACK.replace("[ack", "[{ack").replace("support}]", "support}}, {acknowledged: {party: growth}}]")
    notify = "\n  - {entering: beta, parties: [support], level: post, effective: 2026-12-01}"
    cast.put_in_force(both, notify)
    features = []
    for minute, (title, stage) in enumerate((("Dark mode", "beta"), ("Import", "public"), ("Export as PDF", "public"))):
        cast.open("internal" if stage == "beta" else "beta", title)
        cast.at(f"11:{minute * 10:02d}")
        cast.moves(stage)
        if title == "Import":
            cast.says("/stage ack", by="sam")
        features.append(cast.teams)
        cast.teams = (OnGitHub(cast.house), OnJira(cast.house))
    for team in cast.teams:
        team.open(None, "What waits for Support", by="sam")
    cast.at("8 09:01")
    _send(cast, both, notify)


def _send(cast: Cast, rules: str, notify: str) -> None:
    """The same digest to either tracker: each from a ledger of its own, as it is sent only once."""
    house, first = cast.house, cast.house.settings.data_dir / "ledger.db"
    house.restart()
    second = Path(copyfile(first, first.with_name("copy.db")))
    for team, ledger in zip(cast.teams, (first, second), strict=True):
        house.restart(database_url=f"sqlite:///{ledger}")
        digest = f'{{days: mon-fri, issue: "{team.ref.key}"}}'
        cast.put_in_force(rules, notify, parties={"support": {"digest": digest}})
        assert digests.send(house.desk, "support", house.now()) is None
        cast.keep("digest", team, team.said[-1])


PLAYS_BY = {play.name: play for play in PLAYS}
