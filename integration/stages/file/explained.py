"""What pydantic finds wrong, in words for people, with what is allowed in its place."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from integration.stages.file.allowed import instead, shown
from integration.stages.file.written import Loc

Found = tuple[Loc, str, bool]  # where, what is wrong, and whether the place is the key's rather than the value's
Shape = type[BaseModel]

_KINDS = {
    "string_type": "a text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "dict_type": "a mapping of names to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "tuple_type": "a list",
}


def explain(wrong: ValidationError, whole: Shape, requirements: Mapping[str, Shape]) -> Iterator[Found]:
    """Each of the faults, once."""
    for error in wrong.errors(include_url=False):
        loc: Loc = tuple(error["loc"])
        kind, value, more = error["type"], error["input"], error.get("ctx", {})
        if kind == "too_short" and len(value) >= more["min_length"]:
            continue  # enough are there, but some of them have faults of their own
        if loc and loc[-1] == "[key]":
            yield loc[:-1], _says(kind, error["msg"], value, more), True
        elif kind == "missing":
            yield loc[:-1], _missing(loc), False
        elif kind == "extra_forbidden":
            shape = _shape_at(loc[:-1], whole, requirements)
            yield loc, f"no such key {shown(loc[-1])}{instead(str(loc[-1]), _keys(shape))}", True
        elif kind == "union_tag_invalid":
            yield (*loc, more["tag"]), f"no requirement {shown(more['tag'])}{instead(more['tag'], requirements)}", True
        elif kind == "union_tag_not_found":
            yield loc, _not_one(value, requirements), False
        else:
            yield loc, _says(kind, error["msg"], value, more), False


def _missing(loc: Loc) -> str:
    """`labels` and `items` are names of ours: in the file they are the requirement's own value."""
    return "is empty; name at least one" if loc[-1] in ("labels", "items") else f'"{loc[-1]}" is missing'


def _says(kind: str, message: str, value: Any, more: Mapping[str, Any]) -> str:
    """One sentence for a value that does not fit."""
    if kind == "value_error":
        return str(more["error"])
    if kind in _KINDS:
        return _not_a(_KINDS[kind], value)
    if kind in ("enum", "literal_error"):
        allowed = re.findall(r"'[^']*'|\d+|True", str(more["expected"]))
        words = [word.strip("'").replace("True", "true") for word in allowed]
        return f"{shown(value)} is not possible here{instead(str(value), words)}"
    if kind in ("too_short", "string_too_short"):
        return "is empty" if more["min_length"] == 1 else f"at least {more['min_length']} are needed"
    if kind == "greater_than_equal":
        return f"{shown(value)} is too small; at least {more['ge']}"
    return message


def _not_a(expected: str, value: Any) -> str:
    """`true is no text`, and how to make it one."""
    if value is None:
        return f"is empty; {expected} is needed, or leave the key out"
    if expected == "a text" and isinstance(value, bool | int | float | date):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        kind = "true or false" if isinstance(value, bool) else "a date" if isinstance(value, date) else "a number"
        return f'{text} is {kind} here, not a text; put it in quotes: "{text}"'
    named = "a list" if isinstance(value, list) else "a mapping" if isinstance(value, dict) else shown(value)
    return f"{expected} is needed here, not {named}"


def _not_one(value: Any, requirements: Mapping[str, Shape]) -> str:
    """What is wrong with a value that should be one requirement."""
    if isinstance(value, dict) and len(value) > 1:
        first = next((str(key) for key in value if key in requirements), None)
        if first and value[first] is None:
            return f"indent what belongs to {first} deeper than {first} itself"
        return f"one requirement at a time; write {', '.join(shown(key) for key in value)} as entries of their own"
    return "a requirement is needed here, such as {notified: {party: support}}" + instead("", requirements)


def _keys(shape: Shape | None) -> list[str]:
    if shape is None:
        return []
    return [field.alias or name for name, field in shape.model_fields.items() if name != "hash"]


def _shape_at(loc: Sequence[str | int], whole: Shape, requirements: Mapping[str, Shape]) -> Shape | None:
    """The class of the part that lies there."""
    shape: Shape | None = whole
    skip = False
    for step in loc:
        if skip:
            skip = False
        elif shape is None:
            shape = requirements.get(str(step))
        else:
            field = next((f for name, f in shape.model_fields.items() if (f.alias or name) == step), None)
            if field is None:
                return None
            inside = set(_shapes(field.annotation))
            shape = inside.pop() if len(inside) == 1 else None
            skip = _holds_many(field.annotation)
    return shape


def _shapes(annotation: Any) -> Iterator[Shape]:
    """All classes of the file's shape that an annotation names."""
    if isinstance(annotation, type) and get_origin(annotation) is None and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _shapes(inner)


def _holds_many(annotation: Any) -> bool:
    """Whether the next step is an index or a free name."""
    origin = get_origin(annotation)
    if origin in (Annotated, Union, types.UnionType):
        return any(_holds_many(inner) for inner in get_args(annotation))
    return origin in (tuple, dict)
