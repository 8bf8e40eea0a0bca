"""Pages of a list as GitHub gives them: so many entries, and links to the others, which alone lead deep into it."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from flask import Response, jsonify, request

DEEPEST = 10_000  # entries: beyond them a page is had by a link's cursor alone
TOO_DEEP = (
    "Pagination with the page parameter is not supported for large datasets, please use cursor based pagination "
    "(after/before)"
)


def page(entries: Sequence[Any], path: str, by_cursor: bool) -> Response:
    """The page that was asked for; `by_cursor`: the links have one, beside the page's number."""
    size, number = _size(), _number()
    last = max(math.ceil(len(entries) / size), 1)
    pages = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
    shown = {"prev": number > 1, "next": number < last, "last": number < last, "first": number > 1}
    links = []
    for rel in (one for one in pages if shown[one]):
        asked = {**request.args, "page": pages[rel]} | ({"after": _cursor(pages[rel])} if by_cursor else {})
        links.append(f'<{path}?{urlencode(asked)}>; rel="{rel}"')
    answer = jsonify(list(entries[(number - 1) * size : number * size]))
    if links:
        answer.headers["Link"] = ", ".join(links)
    return answer


def is_too_deep() -> bool:
    """Is a page asked for by its number that lies too deep for that?"""
    return _number() * _size() >= DEEPEST and request.args.get("after") != _cursor(_number())


def _size() -> int:
    return min(max(request.args.get("per_page", 30, int), 1), 100)


def _number() -> int:
    return max(request.args.get("page", 1, int), 1)


def _cursor(number: int) -> str:
    return base64.b64encode(f"cursor:v2:{number}".encode()).decode()
