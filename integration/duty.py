"""Who is on duty, asked at the address that a party's rota names.

The answer is a name and nothing else: a plain text, or JSON with `login` (`accountId` for Jira). Only the admin's file
names the address; still it gets little time, little room and no redirect, and an odd answer never reaches a comment.
"""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import requests

CONNECT, READ = 2.0, 4.0  # seconds
LARGEST = 4096  # bytes
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]{0,127}")
_KEYS = ("login", "accountId", "account_id", "username", "name")


class Unknown(Exception):
    """The address did not tell who is on duty; the message says why."""


def ask(url: str) -> str:
    """The login, or Jira account id, of whoever is on duty now. Raises `Unknown`."""
    host = urlsplit(url).hostname or "the address"
    try:
        with requests.get(url, timeout=(CONNECT, READ), allow_redirects=False, stream=True) as answer:
            if answer.status_code != 200:
                raise Unknown(f"{host} answered {answer.status_code}")
            body = answer.raw.read(LARGEST, decode_content=True)
    except requests.RequestException as error:
        raise Unknown(f"{host} did not answer ({type(error).__name__})") from None
    name = _name(body.decode("utf-8", "replace").strip())
    if not _NAME.fullmatch(name):
        raise Unknown(f"{host} answered with something that is no login")
    return name


def _name(text: str) -> str:
    if not text.startswith(("{", '"')):
        return text.removeprefix("@")
    try:
        found = json.loads(text)
    except ValueError:
        return ""
    if isinstance(found, dict):
        found = next((found[key] for key in _KEYS if found.get(key)), "")
    return found.removeprefix("@") if isinstance(found, str) else ""
