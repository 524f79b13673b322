"""The environment's words for OpenID Connect."""

from pathlib import Path

import pytest

from connmon.accounts.oidc import read_providers
from connmon.core.env import SettingError


@pytest.fixture(autouse=True)
def _client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNMON_OIDC_CLIENT_ID", "connmon")


def server_url(monkeypatch: pytest.MonkeyPatch, issuer: str) -> str:
    monkeypatch.setenv("CONNMON_OIDC_ISSUER", issuer)
    (app,) = read_providers()["openid_connect"]["APPS"]
    return str(app["settings"]["server_url"])


def test_without_an_issuer_there_is_none() -> None:
    assert read_providers() == {}


@pytest.mark.parametrize("ending", ["", "/", "/.well-known/openid-configuration"])
def test_an_issuer_is_named_in_any_usual_form(monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    wanted = "https://id.example.com/realms/main/.well-known/openid-configuration"
    assert server_url(monkeypatch, f"https://id.example.com/realms/main{ending}") == wanted


@pytest.mark.parametrize("issuer", ["http://id.example.com", "id.example.com", "https://", "file:///etc/passwd"])
def test_an_issuer_without_tls_ends_the_start(monkeypatch: pytest.MonkeyPatch, issuer: str) -> None:
    with pytest.raises(SettingError, match="CONNMON_OIDC_ISSUER"):
        server_url(monkeypatch, issuer)


def test_an_issuer_without_a_client_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNMON_OIDC_CLIENT_ID", "")
    with pytest.raises(SettingError, match="CONNMON_OIDC_CLIENT_ID"):
        server_url(monkeypatch, "https://id.example.com")


def test_the_secret_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("in-a-file\n")
    monkeypatch.setenv("CONNMON_OIDC_CLIENT_SECRET_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("CONNMON_OIDC_ISSUER", "https://id.example.com")
    assert read_providers()["openid_connect"]["APPS"][0]["secret"] == "in-a-file"
