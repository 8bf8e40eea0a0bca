"""A GitHub App is made from our manifest: the code that GitHub sends back is exchanged for its credentials, and kept.

They are written where the environment reads them: `.env`, and the key in a file beside it. Nobody is shown them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from integration.setup import dotenv

CODE = re.compile(r"[A-Za-z0-9_-]{1,200}")
_WITHIN = (5.0, 20.0)
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?")


class SetupFailed(Exception):
    """It could not be set up. The message is for people: what went wrong, what to do; no secret is in it."""


class NotKept(SetupFailed):
    """The App is made, and its credentials are nowhere."""


@dataclass(frozen=True, slots=True)
class NewApp:
    """An App that was just made; `repr` hides what is secret."""

    id: str
    slug: str
    page: str
    permissions: dict[str, str]
    events: tuple[str, ...]
    key: str = field(repr=False)
    webhook_secret: str = field(repr=False)

    @property
    def install_at(self) -> str:
        """Where it is installed on repositories."""
        return f"{self.page}/installations/new"


def exchange(api_url: str, code: str) -> NewApp:
    """The App for which GitHub gave this code. It can be asked once, within an hour. Raises `SetupFailed`."""
    import requests  # here, as a web process for which all is set up can do without

    if not CODE.fullmatch(code):
        raise SetupFailed("GitHub sent back no code that we can read; begin anew")
    address = f"{api_url.rstrip('/')}/app-manifests/{code}/conversions"
    headers = {"Accept": "application/vnd.github+json", "User-Agent": "release-stages"}
    try:
        answer = requests.post(address, headers=headers, timeout=_WITHIN, allow_redirects=False)
    except requests.RequestException as error:
        raise SetupFailed(f"GitHub could not be reached ({type(error).__name__}); begin anew") from None
    if answer.status_code == 404:
        raise SetupFailed("GitHub does not know the code any more: it is good once, and for an hour; begin anew")
    if answer.status_code != 201:
        raise SetupFailed(f"GitHub did not give us the App's credentials (HTTP {answer.status_code}); begin anew")
    try:
        return _read(answer.json())
    except (LookupError, TypeError, ValueError, AttributeError):
        raise SetupFailed("GitHub answered in a shape that we cannot read; is GITHUB_API_URL right?") from None


def _read(said: Any) -> NewApp:
    made = NewApp(
        id=str(int(said["id"])),
        slug=str(said["slug"]),
        page=str(said["html_url"]),
        permissions={str(name): str(level) for name, level in said["permissions"].items()},
        events=tuple(map(str, said["events"])),
        key=str(said["pem"]),
        webhook_secret=str(said["webhook_secret"] or ""),
    )
    if not (_SLUG.fullmatch(made.slug) and "PRIVATE KEY-----" in made.key and made.webhook_secret):
        raise ValueError("incomplete")
    return made


def keep(made: NewApp, home: Path, api_url: str = "") -> Path:
    """Write down what the service needs, and answer with the file that holds the key. Raises `NotKept`.

    `api_url` is written, too, where it is given: GitHub is not github.com.
    """
    key = home / f"{made.slug}.private-key.pem"
    try:
        values = {
            "GITHUB_APP_ID": made.id,
            "GITHUB_APP_PRIVATE_KEY_FILE": str(key),
            "GITHUB_WEBHOOK_SECRETS": ",".join((made.webhook_secret, *_secrets(home / ".env"))),
        } | ({"GITHUB_API_URL": api_url} if api_url else {})
        dotenv.write(key, made.key.rstrip("\n") + "\n")
        dotenv.keep(home / ".env", values)
    except (OSError, dotenv.Unclear) as error:
        why = getattr(error, "strerror", None) or error
        raise NotKept(
            f"the App is made ({made.page}), but its credentials could not be kept in {home} ({why}); on the App's "
            "page generate a key and a webhook secret, and set them by hand"
        ) from None
    return key


def _secrets(path: Path) -> list[str]:
    """Those that are there already: webhooks that were made before go on signing with them."""
    known = dotenv.variables(path).get("GITHUB_WEBHOOK_SECRETS", "") if path.is_file() else ""
    return [one.strip() for one in known.split(",") if one.strip()]
