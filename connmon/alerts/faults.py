"""What went wrong on the way to a destination, in words for whoever set it up."""

import http.client
import os
import socket
import ssl
from typing import Final

NO_SUCH_NAME: Final = (socket.EAI_NONAME, socket.EAI_NODATA)


def lookup_fault(error: OSError | UnicodeError) -> str:
    """Why a host has no address."""
    if isinstance(error, socket.gaierror) and error.errno in NO_SUCH_NAME:
        return "There is no host of this name. Look for a slip in the address."
    if isinstance(error, UnicodeError):
        return "This is no host name. Look for a slip in the address."
    return "Host names cannot be looked up just now: this machine's name server does not answer."


def answer_fault(error: OSError | http.client.HTTPException) -> str:
    """Why a host that has an address gave no answer."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"Its certificate is not trusted: {error.verify_message}."
    if isinstance(error, ssl.SSLError):
        return "No secure connection came about: what answers there speaks no TLS that is safe."
    if isinstance(error, TimeoutError):
        return "No answer in time."
    if isinstance(error, ConnectionRefusedError):
        return "Nothing listens there: the connection was refused."
    if isinstance(error, ConnectionError):
        return "No answer: the connection was cut before one came."
    if isinstance(error, http.client.HTTPException):
        return "No answer: what came back is no HTTP."
    return f"No answer: {_reason(error)}."


def mail_fault(error: OSError) -> str:
    """Why the mail server could not be told, for faults of the network."""
    if isinstance(error, socket.gaierror):
        return lookup_fault(error)
    return answer_fault(error)


def _reason(error: OSError) -> str:
    """The system's words for it, without its number."""
    said = error.strerror or (os.strerror(error.errno) if error.errno else type(error).__name__)
    return said[:1].lower() + said[1:200]
