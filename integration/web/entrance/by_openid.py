"""Who somebody is at an OpenID provider: what its signed token says, and nothing that it does not sign or show us."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any

from authlib.integrations.flask_client import FlaskOAuth2App

from integration.admission import Admission
from integration.web.entrance.identity import Identity, Unreadable

SCOPES = "openid profile email"
READ_ANEW = 3600  # seconds
SIGNED_BY = frozenset(  # what proves that the provider wrote it: "none" and shared secrets are not among them
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)


def discovery(admission: Admission) -> str:
    """Where the provider says all else of itself."""
    return f"{admission.issuer.rstrip('/')}/.well-known/openid-configuration"


def meet(app: FlaskOAuth2App, admission: Admission) -> None:
    """Read what the provider says of itself, each hour, and hold it to what we were told. Raises `Unreadable`."""
    if time.time() - app.server_metadata.get("_loaded_at", 0) > READ_ANEW:
        app.server_metadata = {}  # with it go its keys, of which one may have been taken back
    said = app.load_server_metadata()
    if said.get("issuer") != admission.issuer:
        app.server_metadata = {}
        raise Unreadable("The provider calls itself by another name than SIGN_IN_ISSUER.")
    signed_by = [one for one in said.get("id_token_signing_alg_values_supported", ["RS256"]) if one in SIGNED_BY]
    if not signed_by:
        app.server_metadata = {}
        raise Unreadable("The provider signs in no way that we trust.")
    said["id_token_signing_alg_values_supported"] = signed_by


def claims_wanted(admission: Admission) -> dict[str, Any]:
    """What must stand in the token: from this provider, for us."""
    return {
        "iss": {"essential": True, "value": admission.issuer},
        "aud": {"essential": True, "value": admission.client_id},
    }


def identity(app: FlaskOAuth2App, admission: Admission, token: Mapping[str, Any], names: Collection[str]) -> Identity:
    """Who it is. Groups and e-mail that the token leaves out are asked for. Raises `Unreadable`."""
    claims = token.get("userinfo")
    if not claims or not claims.get("sub"):
        raise Unreadable("The provider sent no signed token that says who it is.")
    known = dict(claims)
    if {admission.groups_claim, "email"} - known.keys() and app.server_metadata.get("userinfo_endpoint"):
        more = app.userinfo(token=dict(token))
        if more.get("sub") != claims["sub"]:
            raise Unreadable("The provider speaks of two different people.")
        known = {**more, **known}
    handle = str(known.get("preferred_username") or known.get("email") or known["sub"])
    email = str(known.get("email", "")) if known.get("email_verified") is True else ""
    return Identity(
        "openid", str(known["sub"]), handle, str(known.get("name") or handle), email, _groups(known, admission)
    )


def _groups(known: Mapping[str, Any], admission: Admission) -> frozenset[str]:
    said = known.get(admission.groups_claim, ())
    listed = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    return frozenset(each.strip().lower() for each in listed if isinstance(each, str) and each.strip())
