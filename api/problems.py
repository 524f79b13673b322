"""Refusals as application/problem+json (RFC 9457): one table of statuses, one shape, for every edge."""

from typing import Any, Final

CONTENT_TYPE: Final = "application/problem+json"

# Of the codes of the wire and of ingest; docs/protocol.md says what an agent should do about each.
STATUSES: Final[dict[str, int]] = {
    "not-json": 400,
    "bad-gzip": 400,
    "no-key": 401,
    "bad-key": 401,
    "key-expired": 401,
    "key-revoked": 401,
    "scope-missing": 403,
    "not-found": 404,
    "method-not-allowed": 405,
    "body-timeout": 408,
    "seq-conflict": 409,
    "seq-behind": 409,
    "boot-superseded": 409,
    "body-too-large": 413,
    "unsupported-media-type": 415,
    "invalid-report": 422,
    "unprintable-text": 422,
    "duplicate": 422,
    "too-many-services": 422,
    "too-many-reports": 429,
    "internal-error": 500,
    "overloaded": 503,
    "database-down": 503,
}


def problem(code: str, detail: str, *, status: int | None = None, pointer: str = "", **more: Any) -> dict[str, Any]:
    """The members of a problem document."""
    body: dict[str, Any] = {
        "type": f"urn:connmon:problem:{code}",
        "title": code.replace("-", " ").capitalize(),
        "status": status or STATUSES[code],
        "detail": detail,
        "code": code,
        **more,
    }
    if pointer:
        body["pointer"] = pointer
    return body
