"""The web address."""

import json
import socket

import pytest

from connmon.runtime import web
from connmon.runtime.errors import StartError


def test_a_port_that_is_taken_is_one_sentence_with_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as rival:
        port = rival.getsockname()[1]
        with pytest.raises(StartError) as caught, web.bind("127.0.0.1", port, "localhost"):
            pass
    expected = f"Port {port} on 127.0.0.1 is taken by another program. Choose another: manage.py up --port {port + 1}"
    assert str(caught.value) == expected


def test_a_host_that_is_not_ours_is_a_sentence() -> None:
    with pytest.raises(StartError, match="--host"), web.bind("203.0.113.7", 0, "localhost"):
        pass


def test_until_it_listens_a_client_is_refused() -> None:
    with web.bind("127.0.0.1", 0, "localhost") as site:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", site.port))
        site.listen()
        socket.create_connection(("127.0.0.1", site.port)).close()


def test_a_site_on_all_addresses_is_shown_with_one_that_a_browser_can_open() -> None:
    with web.bind("0.0.0.0", 0, "localhost") as site:
        assert site.url == f"http://127.0.0.1:{site.port}"


async def test_a_site_that_does_not_answer_is_none() -> None:
    with web.bind("127.0.0.1", 0, "localhost") as site:
        assert await web.ask(site, "/healthz") is None


def test_the_line_of_progress_names_the_parts_that_are_missing() -> None:
    parts = {"database": {"state": "ok"}, "worker": {"state": "missing"}, "beat": {"state": "late"}}
    answer = web.Answer(503, json.dumps({"parts": parts}).encode())
    assert web.name_missing(answer) == "worker, beat"


def test_an_answer_that_is_no_report_is_shown_by_its_status() -> None:
    assert web.name_missing(web.Answer(400, b"<html>")) == "/readyz (status 400)"
