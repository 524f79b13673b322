"""No secret is written to a log, whatever it stands in."""

from itertools import count

import pytest

from connmon.core.ids import new_key, new_token
from connmon.core.redaction import MASK, Redactor

SECRET = "hunter2-hunter2"
KEY = new_key()
TOKEN = new_token()
redact = Redactor()


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"key {KEY.plaintext} was refused", KEY.secret),
        (f"Not Found: /x/{KEY.plaintext}/", KEY.secret),
        (f"Authorization: Bearer {KEY.plaintext}", KEY.secret),
        (f"authorization: Token {SECRET}", SECRET),
        (f"{{'Authorization': 'Basic {SECRET}'}}", SECRET),
        (f"[(b'authorization', b'Bearer {SECRET}')]", SECRET),
        (f"sent Bearer {SECRET} twice", SECRET),
        (f"password={SECRET}&next=/", SECRET),
        (f'{{"new_password": "{SECRET}"}}', SECRET),
        (f"{{'x-api-key': '{SECRET}'}}", SECRET),
        (f"API_KEY={SECRET}", SECRET),
        (f"csrfmiddlewaretoken={SECRET}", SECRET),
        (f"Cookie: theme=dark; sessionid={SECRET}", SECRET),
        (f"connection to postgresql://connmon:{SECRET}@db/connmon failed", SECRET),
        (f"redis://:{SECRET}@broker:6379/0", SECRET),
        (f"POST https://discord.com/api/webhooks/123/{SECRET}", SECRET),
        (f"POST https://hooks.slack.com/services/T0/B0/{SECRET}", SECRET),
        (f"/account/oidc/login/callback/?code={SECRET}&state=x", SECRET),
        (f"Forbidden: /account/password/reset/key/2-{SECRET}/", SECRET),
        (f"Not Found: /join/{TOKEN}/", TOKEN),
        (f"Not Found: /join/{TOKEN}x/", TOKEN),
        (f"Not Found: https://connmon.example.com/setup/{TOKEN[:-1]}/", TOKEN[:-1]),
        (f"Not Found: /setup/{TOKEN}/", TOKEN),
        ("Not Found: /shared/1-overview-0-6b0d5d85.RyGVYtcdY_3e/live.json", "RyGVYtcdY_3e"),
        ("Not Found: /badge/1-badge-6-0.Pvc4sk-gp1P3/service.svg", "Pvc4sk-gp1P3"),
    ],
    ids=count(),  # keys and tokens are drawn anew by each process
)
def test_a_secret_is_taken_out_and_the_rest_stays(text: str, secret: str) -> None:
    written = redact(text)
    assert secret not in written
    assert MASK in written
    assert written[:4] == text[:4]


def test_the_id_of_a_key_stays_so_that_the_key_can_be_revoked() -> None:
    assert redact(KEY.plaintext) == f"cm_{KEY.id}_{MASK}"


@pytest.mark.parametrize(
    "text",
    [
        'password authentication failed for user "connmon"',
        "a batch of 12 reports was not written: connection to server at /tmp/run failed",
        "SECRET_KEY differs from the backup's",
        "Not Found: /g/dungeon/servers/7064221/",
        "http://127.0.0.1:8000/healthz",
        "the report 8a14a4f0c1d2e3f405162738495a6b7c8d9e0f1a was not kept",
        "2026-11-23T10:00:00Z 12:30:01",
    ],
)
def test_what_is_no_secret_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


def test_values_of_this_installation_are_known_by_themselves() -> None:
    own = Redactor([SECRET, SECRET + "-longer", "", "db"])
    assert own(f"bad token {SECRET}-longer, {SECRET}; db") == f"bad token {MASK}, {MASK}; db"
