"""The requirements on what the issue shows: its labels, its text and fields, what it links to, what is open near it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from integration.stages.entries import Finding
from integration.stages.file import mappings as m
from integration.stages.model import Related, Tie
from integration.stages.rules.case import Case
from integration.stages.rules.sections import boxes, cut, field_of, fitting, is_filled, section
from integration.stages.texts.briefings import items

_TIES = {"sub-issues": Tie.SUB_ISSUE, "blocking": Tie.BLOCKING, "linked": Tie.LINKED}
_ONE_OF = {"sub-issues": "sub-issue", "blocking": "blocking issue", "linked": "linked issue"}
_NAMED, _LETTERS, _ADDRESS = 3, 120, 2000  # what people wrote is named so often, and at such length


def labelled(asked: m.Labelled, case: Case) -> Finding:
    """May enter if one of these labels is on."""
    on = labels_on(asked.labels, case)
    names = " or ".join(asked.labels)
    return Finding(f"it is labelled {names}", bool(on), "" if on else "the label is not on")


def not_labelled(asked: m.NotLabelled, case: Case) -> Finding:
    """May enter if none of these labels is on."""
    on = labels_on(asked.labels, case)
    return Finding(f"it is not labelled {' or '.join(asked.labels)}", not on, f"{', '.join(on)} is on" if on else "")


def labels_on(names: Iterable[str], case: Case) -> list[str]:
    """Those of these labels that are on the issue, as the tracker spells them; capitals do not count."""
    wanted = {name.casefold() for name in names}
    return [label.name for label in case.issue.labels if label.name.casefold() in wanted]


# --- its text and fields --------------------------------------------------------------------------------------------


def described(asked: m.Described, case: Case) -> Finding:
    """May enter if that heading of the body, that Jira field, or all of that briefing is filled in."""
    if asked.briefing:
        return _briefed(asked.briefing, case)
    if asked.field:
        filled = is_filled(field_of(case.issue, asked.field))
        return Finding(f'the field "{asked.field}" is filled in', filled, "" if filled else "it is empty")
    title = asked.section or ""
    text = section(case.issue.body, title)
    says = f'the section "{title}" is filled in'
    if text is None:
        return Finding(says, False, "the description has no such heading")
    return Finding(says, is_filled(text), "" if is_filled(text) else "the section is empty")


def _briefed(party: str, case: Case) -> Finding:
    says = f"the briefing for {case.party(party)} is filled in"
    missing = [one.title for one in items(party, case.issue, case.mappings, "whoever asked") if not one.text]
    return Finding(says, not missing, f"missing: {', '.join(missing)}" if missing else "")


def checklist(asked: m.Checklist, case: Case) -> Finding:
    """May enter if every tick box is ticked, and there is one."""
    where = f'the checklist under "{asked.section}"' if asked.section else "the checklist"
    found = boxes(case.issue.body, asked.section)
    if not found:
        return Finding(f"{where} is done", False, "there is no tick box")
    left = [box.text for box in found if not box.ticked]
    return Finding(f"{where} is done", not left, _still_open(left, "; ") if left else "")


# --- what is around it ----------------------------------------------------------------------------------------------


def linked(asked: m.Linked, case: Case) -> Finding:
    """May enter if it links to such a place."""
    says, kind = _wanted(asked, case)
    found = next(fitting(case.issue, kind), None)
    if found:
        return Finding(says, True, evidence=(found,) if len(found) <= _ADDRESS else ())
    if case.issue.related is None:
        return Finding(says, None, "what it links to could not be read")
    looked_for = " or ".join((*kind.urls, *(f'a link of the type "{one}"' for one in kind.types)))
    return Finding(says, False, f"no such link yet; what counts: {looked_for}")


def _wanted(asked: m.Linked, case: Case) -> tuple[str, m.Links]:
    """What is asked for, in words and as a kind of link."""
    if asked.to:
        return f"it has a {asked.to} link", case.mappings.links.get(asked.to, m.Links())
    if asked.url:
        return f"it links to {asked.url}", m.Links(urls=(asked.url,))
    return f'it has a link of the type "{asked.type}"', m.Links(types=(asked.type or "",))


def no_open(asked: m.NoOpen, case: Case) -> Finding:
    """May enter if none of these related issues is open."""
    says = f"no {_either(_ONE_OF[one] for one in asked.among)}{_narrowed(asked)} is open"
    if case.issue.related is None:
        return Finding(says, None, "its related issues could not be read")
    left = [one for one in case.issue.related if one.is_open and _counts(one, asked)]
    return Finding(
        says,
        not left,
        _still_open([f"{one.key} {one.title}".strip() for one in left]) if left else "",
        evidence=tuple(one.url for one in left[:_NAMED] if one.url),
        waits_for=tuple(str(one.ref) for one in left if one.ref),
    )


def _counts(related: Related, asked: m.NoOpen) -> bool:
    """Is it tied to the issue in such a way, with such a label, and of such a type?"""
    labels, types = ({one.casefold() for one in names} for names in (asked.labelled, asked.type))
    return (
        related.tie in {_TIES[one] for one in asked.among}
        and (not labels or any(one.casefold() in labels for one in related.labels))
        and (not types or related.type.casefold() in types)
    )


def _narrowed(asked: m.NoOpen) -> str:
    labels = f" labelled {_either(asked.labelled)}" if asked.labelled else ""
    return labels + (f" of the type {_either(asked.type)}" if asked.type else "")


def _still_open(left: Sequence[str], between: str = ", ") -> str:
    """The first of them, as far as anybody reads on."""
    more = f", and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
    return f"still open: {between.join(cut(one, _LETTERS) for one in left[:_NAMED])}{more}"


def _either(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
