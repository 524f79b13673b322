"""The public names are documented: each with an example where it stands, and named in docs/agents/python.md."""

import inspect
from pathlib import Path

import pytest

import connmon_agent
from connmon_agent.settings import SETTINGS
from connmon_agent.transports.background import BackgroundTransport
from connmon_agent.transports.websocket import AsyncWebSocketTransport, WebSocketTransport

ROOT = Path(__file__).parents[3]
DOCS = (ROOT / "docs" / "agents" / "python.md").read_text()
CALLED = [  # classes whose public methods games call; the others hold values or are overridden
    connmon_agent.Agent,
    connmon_agent.ConfigurationManager,
    connmon_agent.Connection,
    connmon_agent.ConnectionManager,
    connmon_agent.ConnectionUtils,
    connmon_agent.PooledConnection,
    connmon_agent.Players,
    connmon_agent.Signal,
]
TRANSPORTS = [
    connmon_agent.AsyncHttpTransport,
    connmon_agent.HttpTransport,
    AsyncWebSocketTransport,
    BackgroundTransport,
    WebSocketTransport,
]
LOOKED_UP = {"find", "user_id_of", "is_present"}  # of Players, for hosts rather than games
METHODS = [
    pytest.param(method, id=f"{owner.__name__}.{name}")
    for owner in CALLED
    for name, method in vars(owner).items()
    if inspect.isfunction(method) and not name.startswith("_") and name not in LOOKED_UP
]


@pytest.mark.parametrize("method", METHODS)
def test_a_public_method_has_an_example(method: object) -> None:
    assert "Example::\n" in (inspect.getdoc(method) or "")


@pytest.mark.parametrize("owner", [*CALLED[:1], *CALLED[1:2], *CALLED[3:5], *CALLED[6:], *TRANSPORTS])
def test_a_public_class_has_an_example(owner: type) -> None:
    assert "Example::\n" in (inspect.getdoc(owner) or "")


@pytest.mark.parametrize("owner", [connmon_agent.ConnectionManager, connmon_agent.ConnectionUtils])
def test_every_call_of_the_users_is_named_in_the_docs(owner: type) -> None:
    names = [name for name, method in vars(owner).items() if inspect.isfunction(method) and not name.startswith("_")]
    assert [name for name in names if f"`{name}(" not in DOCS] == []


def test_every_transport_is_named_in_the_docs() -> None:
    assert [transport.__name__ for transport in TRANSPORTS if transport.__name__ not in DOCS] == []


def test_every_setting_is_named_in_the_docs() -> None:
    documented = DOCS + (ROOT / "docs" / "configuration.md").read_text()
    assert [key for keys in SETTINGS.values() for key in keys if key not in documented] == []


def test_the_packages_settings_are_the_backends() -> None:
    """Names and defaults that agent and backend share; the agent's own are documented above."""
    from connmon.configuration import schema

    for section in schema.AGENT_SECTIONS:
        for name, setting in schema.SETTINGS[section].items():
            own = SETTINGS[section][name]
            assert own.read(setting.default) == own.default, name
            assert own.per_service == setting.per_service, name
