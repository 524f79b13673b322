"""Names that are made here: keys with their secret, one-time tokens, the 63-bit key of a server's boot."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

KEY_PREFIX: Final = "cm"
_ALPHABET: Final = "abcdefghijkmnpqrstuvwxyz23456789"  # nothing that is misread


@dataclass(frozen=True)
class NewKey:
    """A key as its owner sees it once: `cm_<id>_<secret>`; stored are the id and the secret's digest."""

    id: str
    secret: str

    @property
    def plaintext(self) -> str:
        return f"{KEY_PREFIX}_{self.id}_{self.secret}"


def new_key() -> NewKey:
    """10 characters of id, 40 of secret (200 bits: no slow hash is needed against guessing)."""
    return NewKey(id=_random_word(10), secret=_random_word(40))


def split_key(plaintext: str) -> tuple[str, str] | None:
    """(id, secret) of `cm_<id>_<secret>`, or None if it has another form."""
    prefix, _, rest = plaintext.partition("_")
    key_id, _, secret = rest.partition("_")
    if prefix != KEY_PREFIX or not key_id or not secret or len(plaintext) > 100:
        return None
    return key_id, secret


def digest(secret: str) -> bytes:
    """SHA-256, 32 bytes."""
    return hashlib.sha256(secret.encode()).digest()


def new_token() -> str:
    """A one-time token for a link, 200 bits."""
    return _random_word(40)


def server_key(game_id: int, server: str, boot: str) -> int:
    """The key of one boot of one game server: the same for the same names, positive, 63 bits.

    Derived, not allotted, so that no report waits for a row to be looked up, and any process finds the same.
    """
    name = f"{game_id}\0{server}\0{boot}".encode()
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big") >> 1


def _random_word(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
