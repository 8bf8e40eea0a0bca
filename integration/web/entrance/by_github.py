"""Who somebody is at GitHub, by a token of their own: their account, of the teams that count those they are in."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session

from integration.admission import Admission
from integration.setup.app import web_address
from integration.web.entrance.identity import Identity, Unreadable, Withdrawn

PATIENCE = 10.0  # seconds for each question
MOST_PAGES = 50  # of a hundred repositories each
SCOPES = "read:org"
SCOPES_FOR_PLACES = "read:org repo"  # an OAuth App has no smaller one that shows private repositories

_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_TEAM = re.compile(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+|[A-Za-z0-9-]+")


def endpoints(admission: Admission) -> dict[str, str]:
    """Where people say yes, and where the code becomes a token; an Enterprise server has them beside its API."""
    root = web_address(admission.github_api_url)
    return {
        "authorize_url": f"{root}/login/oauth/authorize",
        "access_token_url": f"{root}/login/oauth/access_token",
    }


def identity(admission: Admission, token: str, names: Collection[str]) -> Identity:
    """Who it is, with those of the teams and organisations in `names` that they are in. Raises `Unreadable`."""
    with _asking(token) as session:
        me = _answer(session, admission, "/user")
        if me is None:
            raise Unreadable("GitHub does not say whose token it is.")
        login, number = str(me["login"]), int(me["id"])
        wanted = {one for one in names if _TEAM.fullmatch(one)}
        groups = frozenset(one for one in sorted(wanted) if _is_in(session, admission, one, login))
    return Identity("github", str(number), login, str(me.get("name") or login), "", groups)


def places(admission: Admission, token: str) -> frozenset[str]:
    """Which repositories this token may read, as refs' places. Raises `Unreadable`, and `Withdrawn` for a 401."""
    with _asking(token) as session:
        return frozenset(f"github:{one['full_name']}" for one in _all(session, admission, "/user/repos"))


def _is_in(session: OAuth2Session, admission: Admission, name: str, login: str) -> bool:
    """Of an organisation, or a team with the teams inside it; whoever has not yet accepted is not in.

    A bare name that is an account's, not an organisation's, is answered with 404 as well.
    """
    organisation, _, team = name.partition("/")
    path = (
        f"/orgs/{organisation}/teams/{team}/memberships/{login}" if team else f"/user/memberships/orgs/{organisation}"
    )
    found = _answer(session, admission, path)
    return found is not None and found.get("state") == "active"


def _asking(token: str) -> OAuth2Session:
    session = OAuth2Session(token={"access_token": token, "token_type": "bearer"}, default_timeout=PATIENCE)
    session.headers.update(_HEADERS)
    return session


def _answer(session: OAuth2Session, admission: Admission, path: str) -> Any:
    """Its JSON; None for 404. Raises `Unreadable` for all that is neither yes nor no."""
    found = _get(session, f"{admission.github_api_url}{path}")
    if found.status_code == 404:
        return None
    try:
        return found.json()
    except ValueError:
        raise Unreadable("GitHub's answer cannot be read.") from None


def _all(session: OAuth2Session, admission: Admission, path: str) -> Iterator[Any]:
    """All entries of a list, page by page. Raises `Unreadable` where there is no end to it."""
    url = f"{admission.github_api_url}{path}?per_page=100"
    for _ in range(MOST_PAGES):
        found = _get(session, url)
        if found.status_code == 404:
            raise Unreadable("GitHub does not list repositories for this token.")
        yield from found.json()
        url = found.links.get("next", {}).get("url", "")
        if not url:
            return
        if not url.startswith(f"{admission.github_api_url}/"):
            raise Unreadable("GitHub's list leads elsewhere.")
    raise Unreadable(f"There are more than {MOST_PAGES * 100} repositories.")


def _get(session: OAuth2Session, url: str) -> Any:
    try:
        found = session.get(url, allow_redirects=False)
    except (OSError, AuthlibBaseError) as error:  # requests' errors are OSErrors
        raise Unreadable(f"GitHub does not answer ({type(error).__name__}).") from None
    if found.status_code == 401:
        raise Withdrawn
    if found.status_code not in (200, 404):
        hint = " It asks for a single sign-on first." if "X-GitHub-SSO" in found.headers else ""
        raise Unreadable(f"GitHub does not tell ({found.status_code}).{hint}")
    return found
