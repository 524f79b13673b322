"""`POST /api/v1/reports` as HTTP: methods, media types, bodies that come in pieces, late or not at all."""

import socket
from collections.abc import Callable, Iterator
from http.client import HTTPResponse

import pytest

from api import ingest
from connmon.core.ids import NewKey
from tests.machine import REPORTS, Answer, Machine, bearer, encode, opened, read_answer, wait_for

MakeServer = Callable[..., Machine]


def head(key: NewKey, *lines: str) -> bytes:
    """The beginning of a request, up to its body."""
    fixed = [f"POST {REPORTS} HTTP/1.1", "Host: localhost", f"Authorization: {bearer(key)}"]
    return "\r\n".join([*fixed, "Content-Type: application/json", *lines, "", ""]).encode()


def answer_from(connection: socket.socket) -> Answer:
    response = HTTPResponse(connection)
    response.begin()
    return read_answer(response)


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_another_method_is_refused(server: Machine, method: str) -> None:
    answer = server.site.request(method, REPORTS, headers={"authorization": bearer(server.key)})
    assert (answer.status, answer.code) == (405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "json", ""])
def test_another_media_type_is_refused_and_kept(server: Machine, media: str) -> None:
    answer = server.site.post(server.report(), key=server.key, content_type=media)
    assert (answer.status, answer.code) == (415, "unsupported-media-type")
    assert wait_for(server.refusals().first, "the refusal to be kept").code == "unsupported-media-type"


@pytest.mark.parametrize("media", ["application/json; charset=utf-8", "Application/JSON", "application/json ;x=1"])
def test_json_may_be_named_in_any_way(server: Machine, media: str) -> None:
    assert server.site.post(server.report(), key=server.key, content_type=media).status == 200


def test_a_body_without_a_media_type_is_taken_for_json(server: Machine) -> None:
    headers = {"authorization": bearer(server.key)}
    answer = server.site.request("POST", REPORTS, body=encode(server.report()), headers=headers)
    assert answer.status == 200


def test_a_body_in_chunks_is_taken(server: Machine) -> None:
    body = encode(server.report(opened=[opened(1)], snapshot={"part": 1, "of": 1}))
    pieces = (body[at : at + 7] for at in range(0, len(body), 7))
    headers = {"authorization": bearer(server.key), "content-type": "application/json"}
    assert server.site.request("POST", REPORTS, body=pieces, headers=headers).status == 200
    assert server.registered() == {1}


def test_chunks_that_never_end_are_refused_as_too_large(server: Machine) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 8_192

    headers = {"authorization": bearer(server.key), "content-type": "application/json"}
    answer = server.site.request("POST", REPORTS, body=pieces(), headers=headers)
    assert (answer.status, answer.code) == (413, "body-too-large")


@pytest.mark.parametrize("size", [256 * 1024 + 1, 10_000_000, 10**12])
def test_a_body_said_to_be_too_large_is_refused_before_it_is_sent(server: Machine, size: int) -> None:
    with server.site.open_raw() as connection:
        connection.sendall(head(server.key, f"Content-Length: {size}", "Expect: 100-continue"))
        answer = answer_from(connection)
    assert (answer.status, answer.code) == (413, "body-too-large")


def test_a_body_of_terabytes_is_refused_at_once(server: Machine) -> None:
    with server.site.open_raw() as connection:
        connection.sendall(head(server.key, f"Content-Length: {10**13}"))
        answer = answer_from(connection)
    assert (answer.status, answer.code) == (413, "body-too-large")


def test_a_body_that_comes_byte_by_byte_is_given_up_and_harms_nobody(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BODY_SECONDS", 0.2)
    server, neighbour = make_server(), make_server("server-2")
    server.send_first(opened=[opened(1)])
    before = server.everything()
    body = encode(server.report())
    with server.site.open_raw() as connection:
        connection.sendall(head(server.key, f"Content-Length: {len(body)}"))
        connection.settimeout(0.03)
        for byte in body:
            connection.sendall(bytes([byte]))
            assert neighbour.send().status == 200
            try:
                if connection.recv(1, socket.MSG_PEEK):
                    break
            except TimeoutError:
                continue
        connection.settimeout(10)
        answer = answer_from(connection)
        assert (answer.status, answer.code) == (408, "body-timeout")
        assert is_closed(connection)
    assert server.everything() == before
    assert wait_for(server.refusals().first, "the refusal to be kept").code == "body-timeout"


def test_a_body_that_ends_early_changes_nothing_and_is_kept_with_its_reason(server: Machine) -> None:
    server.send_first()
    before = server.everything()
    body = encode(server.report(opened=[opened(1)]))
    with server.site.open_raw() as connection:
        connection.sendall(head(server.key, f"Content-Length: {len(body)}") + body[:-9])
    row = wait_for(server.refusals().first, "the refusal to be kept")
    assert (row.code, row.detail) == ("not-json", "The connection ended before the body did.")
    assert server.everything() == before


def test_reports_may_follow_each_other_on_one_connection(server: Machine) -> None:
    with server.site.open_raw() as connection:
        for seq in range(1, 4):
            body = encode(server.report())
            connection.sendall(head(server.key, f"Content-Length: {len(body)}") + body)
            assert answer_from(connection).body["ack"] == seq


def test_a_connection_goes_on_after_a_refused_report(server: Machine) -> None:
    with server.site.open_raw() as connection:
        for body, status in ((b"{}", 422), (encode(server.report()), 200)):
            connection.sendall(head(server.key, f"Content-Length: {len(body)}") + body)
            assert answer_from(connection).status == status


def test_a_sender_that_hangs_up_before_its_answer_harms_nobody(server: Machine) -> None:
    body = encode(server.report(snapshot={"part": 1, "of": 1}, opened=[opened(1)]))
    for _ in range(20):
        with server.site.open_raw() as connection:
            connection.sendall(head(server.key, f"Content-Length: {len(body)}") + body)
    assert server.site.post(body, key=server.key).body["ack"] == 1
    assert server.registered() == {1}
