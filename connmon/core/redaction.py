"""Takes secrets out of text that is about to be written to a log."""

import re
from collections.abc import Iterable
from typing import Final

MASK: Final = "***"
SHORTEST: Final = 6  # characters; a shorter value stands in too much that is no secret

# Every pattern is bounded: what is logged may be hostile, and must not make the log slow.
PATTERNS: Final = tuple(
    re.compile(pattern, re.IGNORECASE | re.ASCII)
    for pattern in (
        r"\b(cm_[a-z0-9]{1,32}_)[a-z0-9]+",  # keys of games; the id stays, so that the key can be revoked
        r"\b((?:proxy-)?authorization[\"']?\s{0,3}[:=,]\s{0,3}b?[\"']?(?:[a-z-]{1,20}\s{1,3})?)[^\s\"',;]+",
        r"\b((?:bearer|basic)\s{1,3})[a-z0-9._~+/=-]{8,}",
        r"((?:password|passwd|secret|token|api[_-]?key|sessionid)[\w-]{0,20}[\"']?\s{0,3}[:=]\s{0,3}b?[\"']?)[^\s\"',;&)}\]]+",
        r"(\bcookie[\"']?\s{0,3}[:=]\s{0,3})[^\r\n]+",
        r"([?&](?:code|state)=)[^&\s\"']+",  # of log-in through an issuer
        r"(://[^\s:/@]{0,200}:)[^\s/@]{1,500}(?=@)",  # the password of a URL
        r"(\bdiscord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/|\bhooks\.slack\.com/(?:services|workflows|triggers)/)[^\s\"'<>]+",
        r"(/password/reset/key/)[^\s/\"']+",
        r"((?:^|[\s\"'=]|//[^\s/\"']{1,255})/(?:join|setup|shared|badge)/)[^\s/\"']+",  # mistyped ones too
        r"()\b[a-km-z2-9]{40}\b",  # one-time tokens of links, and the secret half of a key (core/ids.py)
    )
)


class Redactor:
    """Secrets by their form, and those of this installation by their value."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        longest_first = sorted({one for one in secrets if len(one) >= SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        """The text with MASK in place of each secret."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        for pattern in PATTERNS:
            text = pattern.sub(rf"\g<1>{MASK}", text)
        return text
