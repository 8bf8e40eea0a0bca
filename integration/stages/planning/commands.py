"""What people write on issues -> commands. Quotes, code and mail tails are not read."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Command:
    """One `/stage …` line. `wrong` says in words why it cannot be followed; empty: it can."""

    verb: str
    text: str = ""  # what, or why
    party: str = ""
    stage: str = ""
    rule: str = ""
    who: str = ""  # the handle of the person it names
    stages: tuple[str, ...] = ()  # of a route, in the file's order
    until: datetime | None = None
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What a command may name: the file's stages (key -> name), parties and rules, and the zone of its dates."""

    stages: dict[str, str]
    parties: dict[str, str]
    rules: tuple[str, ...]
    time_zone: str
    reason_required: bool = True
    jira: bool = False


VERBS = (
    "help",
    "status",
    "check",
    "request",
    "ack",
    "approve",
    "needs-work",
    "hold",
    "resume",
    "waive",
    "later",
    "route",
    "cancel",
    "recheck",
)

_LINE = re.compile(r"^/stage(?:[ \t]+(?P<verb>\S+)(?:[ \t]+(?P<rest>.*))?)?[ \t]*$", re.IGNORECASE)
_FENCE = re.compile(r"^ {0,3}(?P<fence>`{3,}|~{3,})(?P<more>.*)$")
_HIDES = re.compile(r"`[^`]*`|<!--|<(?:pre|blockquote)\b", re.IGNORECASE)
_ENDS = {
    "<!--": re.compile("-->"),
    "<pre": re.compile("</pre>", re.IGNORECASE),
    "<blockquote": re.compile("</blockquote>", re.IGNORECASE),
}
_JIRA_BLOCK = re.compile(r"\{(code|noformat|quote)(?::[^{}]{0,200})?\}", re.IGNORECASE)
_MAIL_TAIL = re.compile(r"^(?:On .{4,200} wrote:|-{3,} ?Original Message ?-{3,}|_{10,}|-- )\s*$", re.IGNORECASE)
_FARTHEST = timedelta(days=3653)  # of a date: beyond, clocks and calendars run out of numbers
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def own_lines(body: str, jira: bool) -> Iterator[str]:
    """The lines that the writer wrote now, to be read by us: without quotes, code, hidden words, mail tails."""
    lines = body.replace("\r\n", "\n").split("\n")
    for line in _spoken_on_jira(lines) if jira else _spoken_on_github(lines):
        if _MAIL_TAIL.match(line):
            return
        if not line.startswith((">", "    ", "\t")):
            yield line


def _spoken_on_jira(lines: Sequence[str]) -> Iterator[str]:
    """Outside of {code}, {noformat} and {quote}; each ends with its like, without parameters."""
    block = ""
    for line in lines:
        inside = bool(block)
        marks = list(_JIRA_BLOCK.finditer(line))
        for mark in marks:
            if not block:
                block = mark[1].lower()
            elif mark[0].lower() == f"{{{block}}}":
                block = ""
        if not (inside or marks or line.startswith("bq.")):
            yield line


def _spoken_on_github(lines: Sequence[str]) -> Iterator[str]:
    """Outside of fences, of hidden comments, and of HTML that shows code or a quote."""
    fence = ""
    end: re.Pattern[str] | None = None
    for line in lines:
        found = _FENCE.match(line)
        if end:
            end = None if end.search(line) else end
        elif fence:
            if found and found["fence"].startswith(fence) and not found["more"].strip():
                fence = ""
        elif found and not (found["fence"][0] == "`" and "`" in found["more"]):
            fence = found["fence"]
        else:
            shown, end = _shown(line)
            yield shown


def _shown(line: str) -> tuple[str, re.Pattern[str] | None]:
    """What is seen of the line, and what ends that which is not, where it goes on in the next line."""
    shown, at, place = list[str](), 0, 0
    while found := _HIDES.search(line, place):
        place = found.end()
        if not (end := _ENDS.get(found[0].lower())):
            continue
        shown += [line[at : found.start()], " "]  # a blank: what comes after it begins no line
        closed = end.search(line, found.end())
        if not closed:
            return "".join(shown), end
        at = place = closed.end()
    return "".join([*shown, line[at:]]), None


def is_plain_reply(body: str, jira: bool) -> bool:
    """Did somebody write words of their own, and no command?"""
    lines = list(own_lines(body, jira))
    return any(line.strip() for line in lines) and not any(_LINE.match(line) for line in lines)


def parse(body: str, jira: bool, known: Known, now: datetime) -> tuple[Command, ...]:
    """All commands of a comment, in their order; a faulty one says what is wrong with it."""
    found = []
    for line in own_lines(body, jira):
        if match := _LINE.match(line):
            verb = (match["verb"] or "help").lower()
            found.append(_command(verb, (match["rest"] or "").strip(), known, now))
    return tuple(found)


def _command(verb: str, rest: str, known: Known, now: datetime) -> Command:
    if verb not in _READ:
        return Command(verb, wrong=f"there is no command {verb!r}" + _did_you_mean(verb, VERBS))
    return _READ[verb](verb, rest, known, now)


def _did_you_mean(word: str, allowed: Sequence[str]) -> str:
    near = difflib.get_close_matches(word.casefold(), list(allowed), n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(allowed)}"


def _find(word: str, names: dict[str, str]) -> str:
    """The key that a word names, by key or by the name that people say; empty where there is none."""
    folded = word.strip().casefold()
    return next((key for key, name in names.items() if folded in (key.casefold(), name.casefold())), "")


def _bare(verb: str, rest: str, known: Known, now: datetime) -> Command:
    return Command(verb, text=rest)


def _names_a_stage(verb: str, rest: str, known: Known, now: datetime) -> Command:
    if not rest:
        return Command(verb, wrong=f"say which stage: {', '.join(known.stages)}")
    stage = _find(rest, known.stages)
    wrong = "" if stage else f"there is no stage {rest!r}" + _did_you_mean(rest, list(known.stages))
    return Command(verb, stage=stage, wrong=wrong)


def _voice(verb: str, rest: str, known: Known, now: datetime) -> Command:
    """`ack` and `approve`: a party may follow, and words after it are welcome."""
    if not rest:
        return Command(verb)
    if party := _find(rest, known.parties):
        return Command(verb, party=party)
    first, _, more = rest.partition(" ")
    if party := _find(first.rstrip(":,"), known.parties):
        return Command(verb, text=more, party=party)
    near = difflib.get_close_matches(first.casefold(), list(known.parties), n=1, cutoff=0.75)
    wrong = f"there is no party {first!r}; did you mean {near[0]!r}?" if near else ""
    return Command(verb, text=rest, wrong=wrong)


def _needs_work(verb: str, rest: str, known: Known, now: datetime) -> Command:
    first, _, more = rest.partition(" ")
    party = _find(first.rstrip(":,"), known.parties)
    text = more.strip() if party else rest
    return Command(verb, text=text, party=party, wrong="" if text else "say what is missing, so that it can be mended")


def _hold(verb: str, rest: str, known: Known, now: datetime) -> Command:
    until, text, wrong = _until(rest, known, now)
    if not wrong and not text:
        wrong = "say why, so that the others understand"
    return Command(verb, text=text, until=until, wrong=wrong)


def _waive(verb: str, rest: str, known: Known, now: datetime) -> Command:
    rule, _, more = rest.partition(" ")
    if rule not in known.rules:
        said = f"there is no rule {rule!r}" if rule else "say which rule"
        return Command(verb, wrong=said + _did_you_mean(rule, known.rules))
    until, text, wrong = _until(more.strip(), known, now)
    if not wrong and not text and known.reason_required:
        wrong = "say why: a waiver needs its reason"
    return Command(verb, text=text, rule=rule, until=until, wrong=wrong)


_WHO = re.compile(r"(?:@(?P<login>[A-Za-z0-9][\w-]*)|\[~(?:accountid:)?(?P<account>[^\]\s]+)\]),?", re.IGNORECASE)


def _later(verb: str, rest: str, known: Known, now: datetime) -> Command:
    """`later PARTY by @WHO until DATE`."""
    form = "write it as /stage later PARTY by @WHO until DATE"
    words = rest.split(maxsplit=3)
    if len(words) < 3 or words[1].lower() != "by":
        return Command(verb, wrong=form)
    party = _find(words[0], known.parties)
    if not party:
        return Command(verb, wrong=f"there is no party {words[0]!r}" + _did_you_mean(words[0], list(known.parties)))
    named = _WHO.fullmatch(words[2])
    if not named:
        return Command(verb, party=party, wrong=f"name the person who will answer, with a mention: {form}")
    until, text, wrong = _until(words[3] if len(words) > 3 else "", known, now)
    if not wrong and until is None:
        wrong = f"say until when: {form}"
    if known.jira and named["login"]:
        wrong = f"mention {named['login']} by picking the name from Jira's @ list, so that I know who is meant"
    who = named["login"] or named["account"]
    return Command(verb, text=text, party=party, who=who, until=until, wrong=wrong)


def _route(verb: str, rest: str, known: Known, now: datetime) -> Command:
    if not rest:
        return Command(verb, wrong=f"name the stages that it is to visit: {', '.join(known.stages)}; or all")
    stages, unknown = read_route(rest, known.stages)
    wrong = f"there is no stage {unknown!r}" + _did_you_mean(unknown, list(known.stages)) if unknown else ""
    return Command(verb, stages=stages, wrong=wrong)


_BETWEEN = re.compile(r",|;|→|->|=>|>|\band\b|\bthen\b|\n", re.IGNORECASE)  # blanks are for strip(): no search for them
_BULLET = re.compile(r"^\s*(?:[-*+#]+|\d+[.)])\s+(?:\[(?P<tick>[ xX])\]\s*)?")


def read_route(text: str, stages: dict[str, str]) -> tuple[tuple[str, ...], str]:
    """Stages as people list them -> (their keys in the file's order, the first word that names none).

    Commas, arrows, "and", lines and bullets part them; a tick box that is open leaves its stage out. `all` names all.
    """
    lines = []
    for line in text.splitlines():
        bullet = _BULLET.match(line)
        if bullet and bullet["tick"] == " ":
            continue
        lines.append(line[bullet.end() :] if bullet else line)
    words = [word.strip().strip(" .*_`") for word in _BETWEEN.split("\n".join(lines))]
    words = [word for word in words if word]
    if [word.casefold() for word in words] == ["all"]:
        return tuple(stages), ""
    found = {word: _find(word, stages) for word in words}
    unknown = next((word for word, stage in found.items() if not stage), "")
    return tuple(stage for stage in stages if stage in found.values()), unknown


def _until(rest: str, known: Known, now: datetime) -> tuple[datetime | None, str, str]:
    """`until DATE WHY` -> (when the day is over, why, what is wrong)."""
    words = rest.split(maxsplit=2)
    if not words or words[0].lower() != "until":
        return None, rest, ""
    zone = ZoneInfo(known.time_zone)
    day = _day(words[1], now.astimezone(zone).date()) if len(words) > 1 else None
    if day is None:
        return None, rest, "write the date as 2026-12-31, or as tomorrow or a day of the week"
    if day > now.date() + _FARTHEST:
        return None, rest, f"{day.isoformat()} is too far away; name a day within ten years"
    ends = datetime.combine(day + timedelta(days=1), time(), zone)
    if ends <= now:
        return None, rest, f"{day.isoformat()} is over"
    return ends.astimezone(now.tzinfo), words[2] if len(words) > 2 else "", ""


def _day(word: str, today: date) -> date | None:
    word = word.rstrip(",:;.").lower()
    if word in ("today", "tomorrow"):
        return today + timedelta(days=("today", "tomorrow").index(word))
    for number, name in enumerate(_DAYS):
        if word in (name, name[:3]):
            return today + timedelta(days=(number - today.weekday()) % 7 or 7)
    try:
        return date.fromisoformat(word)
    except ValueError:
        return None


_READ: dict[str, Callable[[str, str, Known, datetime], Command]] = {
    "help": _bare,
    "status": _bare,
    "check": _names_a_stage,
    "request": _names_a_stage,
    "ack": _voice,
    "approve": _voice,
    "needs-work": _needs_work,
    "hold": _hold,
    "resume": _bare,
    "waive": _waive,
    "later": _later,
    "route": _route,
    "cancel": _bare,
    "recheck": _bare,
}
