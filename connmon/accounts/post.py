"""Mail to people about their accounts, sent after the answer.

Sent in the background so that an answer takes as long for an address that nobody has as for one that gets mail.
"""

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction

LOG: Final = logging.getLogger("connmon.accounts")
_thread: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="account-mail")


def can_send() -> bool:
    """Whether this installation sends mail at all (CONNMON_EMAIL_HOST)."""
    return bool(settings.EMAIL_HOST)


def send_soon(message: EmailMessage) -> None:
    """Sends it once the transaction holds. A failure is logged; whoever waits for the mail asks again."""
    transaction.on_commit(lambda: _thread.submit(_send, message))


def wait_until_sent() -> None:
    """Returns when all mail handed over so far has been sent or has failed."""
    _thread.submit(int).result()


def _send(message: EmailMessage) -> None:
    try:
        message.send()
    except OSError as error:  # smtplib's errors are OSErrors too
        LOG.warning("mail %r was not sent: %s", message.subject, error)
