"""Short secrets that the database holds encrypted: whoever has a dump of it has not what stands in them.

The key comes from SECRET_KEY. What was sealed with an earlier one, named in SECRET_KEY_FALLBACKS, can still be read.
"""

from base64 import urlsafe_b64encode
from functools import cache
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

PURPOSE: Final = b"connmon: sealed fields, 1"  # so that nothing else derives the same key from SECRET_KEY


class Unreadable(ValueError):
    """It was sealed with a key that is neither SECRET_KEY nor among its fallbacks, or it was changed."""


def seal(text: str) -> str:
    """Encrypted and authenticated, as ASCII; no two seals of a text are alike. Empty stays empty."""
    return _box().encrypt(text.encode()).decode() if text else ""


def unseal(sealed: str) -> str:
    """What was sealed. Raises Unreadable."""
    if not sealed:
        return ""
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Unreadable("This was sealed with another SECRET_KEY.") from None


def _box() -> MultiFernet:
    return _make_box((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@cache
def _make_box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_derive(key)) for key in keys])


def _derive(key: str) -> bytes:
    return urlsafe_b64encode(HKDF(SHA256(), length=32, salt=None, info=PURPOSE).derive(key.encode()))
