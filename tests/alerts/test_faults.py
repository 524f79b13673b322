"""Faults of the network in words: no numbers of the system, no names of exceptions."""

import errno
import http.client
import os
import re
import smtplib
import socket
import ssl
from typing import Any

import pytest
from django.core.mail import EmailMessage

from connmon.alerts.faults import answer_fault, lookup_fault
from connmon.alerts.messages import Message
from connmon.alerts.outbound import Sender
from connmon.alerts.states import DestinationKind

RAW = re.compile(r"Errno|\w(Error|Exception)\b|\[|_ssl")


def raising(error: Exception) -> Any:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail


def untrusted() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed (_ssl.c:1006)")
    error.verify_message = "self-signed certificate"
    return error


def of_system(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "no host of this name"),
        (socket.gaierror(socket.EAI_NODATA, "No address associated with hostname"), "no host of this name"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), "just now"),
        (UnicodeError("label too long"), "no host name"),
    ],
)
def test_a_host_that_is_not_found(error: OSError | UnicodeError, said: str) -> None:
    assert said in lookup_fault(error)
    assert not RAW.search(lookup_fault(error))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (of_system(errno.ECONNREFUSED), "refused"),
        (of_system(errno.ECONNRESET), "cut"),
        (of_system(errno.ENETUNREACH), "network is unreachable"),
        (TimeoutError("timed out"), "in time"),
        (of_system(errno.ETIMEDOUT), "in time"),
        (http.client.RemoteDisconnected("Remote end closed connection without response"), "cut"),
        (http.client.BadStatusLine("SSH-2.0-OpenSSH"), "no HTTP"),
        (untrusted(), "not trusted: self-signed certificate"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)"), "no TLS"),
        (OSError(), "No answer"),
    ],
)
def test_a_host_that_does_not_answer(error: OSError | http.client.HTTPException, said: str) -> None:
    assert said in answer_fault(error)
    assert not re.search(r"Errno|\[|_ssl", answer_fault(error))


def test_a_delivery_tells_it_and_is_tried_again() -> None:
    message = Message(DestinationKind.WEBHOOK, "https://hooks.example.com/x", "subject", b"{}", {})
    unknown = raising(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    outcome = Sender(resolve=unknown)(message)
    assert (outcome.sent, outcome.retry) == (False, True)
    assert "no host of this name" in outcome.detail


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "no host of this name"),
        (of_system(errno.ECONNREFUSED), "refused"),
        (smtplib.SMTPServerDisconnected("Connection unexpectedly closed"), "unexpectedly closed"),
    ],
)
def test_a_mail_server_that_is_not_there(error: Exception, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EmailMessage, "send", raising(error))
    outcome = Sender()(Message(DestinationKind.EMAIL, "ops@example.com", "subject", b"text", {}))
    assert (outcome.sent, outcome.retry) == (False, True)
    assert said in outcome.detail
    assert not RAW.search(outcome.detail)
