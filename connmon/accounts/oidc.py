"""Log-in through one OpenID Connect issuer, as the environment configures it. Knows no Django: the settings read it."""

from typing import Any, Final
from urllib.parse import urlsplit

from connmon.core import env

PROVIDER_ID: Final = "oidc"  # part of the callback address that the issuer is told: /account/oidc/login/callback/
WELL_KNOWN: Final = "/.well-known/openid-configuration"
THIS_MACHINE: Final = {"localhost", "127.0.0.1", "::1"}


def read_providers() -> dict[str, Any]:
    """allauth's SOCIALACCOUNT_PROVIDERS; empty without CONNMON_OIDC_ISSUER. Raises SettingError."""
    issuer = env.text("CONNMON_OIDC_ISSUER").rstrip("/").removesuffix(WELL_KNOWN)
    if not issuer:
        return {}
    _check_issuer(issuer)
    client_id = env.text("CONNMON_OIDC_CLIENT_ID")
    if not client_id:
        raise env.SettingError(
            "CONNMON_OIDC_CLIENT_ID is missing: with an issuer, name the client it knows connmon as."
        )
    app = {
        "provider_id": PROVIDER_ID,
        "name": env.text("CONNMON_OIDC_NAME", "OpenID Connect"),
        "client_id": client_id,
        "secret": env.text("CONNMON_OIDC_CLIENT_SECRET"),
        "settings": {"server_url": issuer + WELL_KNOWN, "email_authentication": True},
    }
    return {"openid_connect": {"APPS": [app], "OAUTH_PKCE_ENABLED": True}}


def _check_issuer(issuer: str) -> None:
    # Tokens come straight from the issuer and are believed because of TLS, so TLS is not optional.
    parts = urlsplit(issuer)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname in THIS_MACHINE:
        return
    raise env.SettingError(f"CONNMON_OIDC_ISSUER takes https://… (http:// on this machine only), not {issuer!r}.")
