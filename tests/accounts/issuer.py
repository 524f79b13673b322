"""A stand-in for a company's log-in service: a real OpenID Connect issuer on loopback, for one person at a time."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import jwt

CLIENT_ID: Final = "connmon"
CLIENT_SECRET: Final = "only-for-tests"


@dataclass
class Issuer:
    """Who would log in there, and what it was asked. `broken` makes it answer nonsense."""

    url: str
    claims: dict[str, Any] = field(default_factory=dict)
    broken: bool = False
    challenges: dict[str, str] = field(default_factory=dict)  # code -> PKCE challenge
    audience: str = CLIENT_ID

    def be(self, sub: str, email: str = "", *, verified: object = True) -> None:
        """From now on this person stands at the log-in service."""
        self.claims = {"sub": sub, "email": email, "email_verified": verified} if email else {"sub": sub}

    def authorize(self, address: str) -> str:
        """What the browser brings back from the page where one logs in: the callback's query."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["client_id"] == CLIENT_ID
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.challenges)}"
        self.challenges[code] = asked["code_challenge"]
        return f"code={code}&state={asked['state']}"

    def configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }

    def tokens(self, form: dict[str, str]) -> dict[str, Any] | None:
        """None unless secret, code and verifier belong together."""
        challenge = self.challenges.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        given = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if challenge != given or form.get("client_secret") != CLIENT_SECRET:
            return None
        claims = self.claims | {"iss": self.url, "aud": self.audience, "iat": 1, "exp": 4_000_000_000}
        token = jwt.encode(claims, "x" * 32, algorithm="HS256")
        return {"access_token": "access", "token_type": "Bearer", "expires_in": 60, "id_token": token}


@contextmanager
def running() -> Iterator[Issuer]:
    """An issuer on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.issuer = Issuer(f"http://127.0.0.1:{server.server_port}")  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.issuer  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    @property
    def issuer(self) -> Issuer:
        found: Issuer = self.server.issuer  # type: ignore[attr-defined]
        return found

    def do_GET(self) -> None:
        if self.path == "/.well-known/openid-configuration":
            self._answer(self.issuer.configuration())
        elif self.path.startswith("/authorize?"):
            self._go_back()
        elif self.path == "/userinfo" and self.headers["Authorization"] == "Bearer access":
            self._answer(self.issuer.claims)
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        tokens = self.issuer.tokens({name: values[0] for name, values in parse_qs(body).items()})
        self._answer(tokens or {"error": "invalid_grant"}, 200 if tokens else 400)

    def _go_back(self) -> None:
        """The page where one logs in, for somebody who is logged in there already."""
        asked = parse_qs(urlsplit(self.path).query)
        self.send_response(302)
        self.send_header("Location", f"{asked['redirect_uri'][0]}?{self.issuer.authorize(self.path)}")
        self.end_headers()

    def _answer(self, value: dict[str, Any], status: int = 200) -> None:
        body = b"<html>down for repairs" if self.issuer.broken else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Tests say what they need to."""
