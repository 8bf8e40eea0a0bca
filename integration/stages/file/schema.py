"""The JSON Schemas of mappings.yaml and of a repository's own file, for editors: completion, descriptions, red lines.

Made from the classes of mappings.py, and bent to the form that the file has where that is another. An editor sees less
than `release-stages check`: names of parties and stages, and what contradicts, only the latter knows.
"""

from __future__ import annotations

import json
import re
from typing import Any

from integration.stages.file.additions import Additions
from integration.stages.file.mappings import REQUIREMENTS, Mappings, Rota

_HANDMADE = {"Requirement", "Calendar"}
_BARE = ("not_on_hold", "checklist", "no_open", "no_debt", "follows_route")
_ONE_OF = ("described", "linked")
_OF_THE_ORGANISATION = ("later", "raise_after")  # keys of a rule that a repository's own must not have
_HOURS = "^ *[0-9]{1,2}:[0-9]{2} *[-–] *[0-9]{1,2}:[0-9]{2} *$"
_CLASSES = {f"#/$defs/{part.__name__}" for part in REQUIREMENTS.values()}


def schema() -> dict[str, Any]:
    """The schema, as JSON would have it."""
    whole = Mappings.model_json_schema(by_alias=True)
    defs: dict[str, Any] = {name: part for name, part in whole.pop("$defs").items() if name not in _HANDMADE}
    of = {part.__name__: name for name, part in REQUIREMENTS.items()}
    whole["properties"].pop("hash")
    defs["Rota"]["properties"]["turn"]["default"] = str(Rota().turn)
    described: dict[str, Any] = {name: defs.pop(part) for part, name in of.items()}
    defs |= {"Requirement": _requirement(described), "Calendar": _calendar()}
    defs["BriefingItem"] = _or_text(defs["BriefingItem"], {"minLength": 1, "examples": ["What changes"]})
    defs["Fact"] = _or_text(
        defs["Fact"] | {"minProperties": 1, "maxProperties": 1},
        {"pattern": "^ *(title|description|[a-z0-9][a-z0-9_-]* +link) *$", "examples": ["title", "docs link"]},
    )
    found = _tidied({"$schema": "https://json-schema.org/draft/2020-12/schema", **whole, "$defs": defs})
    found["title"] = "mappings.yaml of Release Stages"
    found["description"] = "The stages, who must know, where trackers show stages, and the rules between them."
    return dict(found)


def additions() -> dict[str, Any]:
    """The schema of a repository's own file. What it may refer to, only `check --repository-file` knows."""
    whole = Additions.model_json_schema(by_alias=True)
    known = schema()["$defs"]
    rule = {key: part for key, part in known["Rule"]["properties"].items() if key not in _OF_THE_ORGANISATION}
    raised = _or_text(whole["$defs"]["Raise"], {"enum": ["warn", "block"]})
    defs = {"Rule": known["Rule"] | {"properties": rule}, "Raise": raised}
    while missing := set(re.findall(r"#/\$defs/(\w+)", json.dumps(defs))) - defs.keys():
        defs |= {name: known[name] for name in sorted(missing)}
    found = _tidied({"$schema": "https://json-schema.org/draft/2020-12/schema", **whole, "$defs": defs})
    found["title"] = ".github/release-stages.yaml of Release Stages"
    found["description"] = "Rules that one repository adds to its organisation's, and levels that it raises."
    return dict(found)


def texts() -> dict[str, str]:
    """What the files in docs/ hold; `make schema` writes them."""
    made = {"mappings.schema.json": schema(), "repository.schema.json": additions()}
    return {name: json.dumps(one, indent=2, ensure_ascii=False) + "\n" for name, one in made.items()}


def _requirement(described: dict[str, Any]) -> dict[str, Any]:
    """One requirement as it is written: a name with its arguments, or the bare name where it needs none."""
    properties = {
        name: {**_arguments(name, part), "description": part["description"]} for name, part in described.items()
    }
    one = {"type": "object", "properties": properties, "additionalProperties": False, "minProperties": 1}
    return {
        "description": "One requirement: its name with its arguments. docs/rules.md has an example of each.",
        "anyOf": [one | {"maxProperties": 1}, {"enum": list(_BARE)}],
    }


def _arguments(name: str, part: dict[str, Any]) -> dict[str, Any]:
    for field in ("labels", "items"):
        if field in part["properties"]:
            return dict(part["properties"][field])
    if name in _ONE_OF:
        return part | {"minProperties": 1, "maxProperties": 1}
    return {**part, "type": ["object", "null"]} if name in _BARE else dict(part)


def _or_text(part: dict[str, Any], text: dict[str, Any]) -> dict[str, Any]:
    """What can be written in one word, or at length."""
    whole = dict(part)
    return {"description": whole.pop("description"), "anyOf": [{"type": "string"} | text, whole]}


def _calendar() -> dict[str, Any]:
    """As people write it: `{time_zone: Europe/London, days: mon-fri, hours: "09:00-17:30", holidays: GB-ENG}`."""
    text: dict[str, Any] = {"type": "string"}
    hours = text | {"pattern": _HOURS}
    return {
        "type": "object",
        "description": "When a party works.",
        "additionalProperties": False,
        "properties": {
            "time_zone": text | {"default": "UTC", "examples": ["Europe/London", "America/New_York"]},
            "days": {"anyOf": [text, {"type": "array", "items": text}], "examples": ["mon-fri", "sun-thu"]},
            "hours": hours | {"examples": ["09:00-17:30"]},
            "hours_on": {
                "type": "object",
                "description": "Other hours on some weekdays or dates, such as a half day.",
                "additionalProperties": hours,
                "examples": [{"fri": "09:00-13:00"}],
            },
            "quiet_hours": {
                "description": "When nobody is to be disturbed, such as over lunch.",
                "anyOf": [hours, {"type": "array", "items": hours}],
                "examples": ["12:00-13:30"],
            },
            "holidays": text | {"description": "A country, or a part of one.", "examples": ["GB-ENG", "DE-BY", "US"]},
            "closed": {"type": "array", "items": text, "description": "Days off of your own."},
        },
    }


def _tidied(part: Any) -> Any:
    """Without titles that only repeat a name; a choice of requirement classes becomes the form that the file has."""
    if isinstance(part, list):
        return [_tidied(each) for each in part]
    if not isinstance(part, dict):
        return part
    if {choice.get("$ref") for choice in part.get("oneOf", ())} & _CLASSES:
        return {"$ref": "#/$defs/Requirement"}
    if isinstance(said := part.get("description"), str):
        part = part | {"description": re.sub(r"\s+", " ", said).strip()}
    return {
        key: {name: _tidied(each) for name, each in value.items()} if key in ("properties", "$defs") else _tidied(value)
        for key, value in part.items()
        if not (key == "title" and isinstance(value, str))
    }
