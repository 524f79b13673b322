"""Reads of games, members and keys."""

import hmac
from datetime import datetime

from connmon.accounts.models import ApiKey
from connmon.core import ids


def find_live_key(plaintext: str, *, now: datetime) -> ApiKey | None:
    """The key of `cm_<id>_<secret>`, with its game, if it is neither revoked nor expired."""
    parts = ids.split_key(plaintext)
    if parts is None:
        return None
    key = ApiKey.objects.select_related("game").filter(pk=parts[0], revoked_at=None).first()
    if key is None or not hmac.compare_digest(bytes(key.digest), ids.digest(parts[1])):
        return None
    return key if key.expires_at is None or key.expires_at > now else None
