"""What people do at the door: passwords, log-ins, codes of authenticator apps."""

import re
import time
from typing import Any, Final

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.test import Client

from connmon.accounts.models import User

PASSWORD: Final = "correct horse battery"
OTHER_PASSWORD: Final = "purple staple engine"
SECRET: Final = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def give_password(user: User, password: str = PASSWORD) -> User:
    user.set_password(password)
    user.save()
    return user


def log_in(client: Client, email: str, password: str = PASSWORD, **more: str) -> Any:
    return client.post("/login/", {"login": email, "password": password, **more})


def confirm(client: Client, password: str = PASSWORD) -> None:
    """Says the password once more, as is asked before sensitive things."""
    assert client.post("/account/reauthenticate/", {"password": password}).status_code == 302


def said_password(client: Client, user: User) -> Client:
    """The same, without the page: as if the password had been given a moment ago."""
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time(), "reauthenticated": True}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
    return client


def is_in(client: Client) -> bool:
    return client.get("/?all").status_code == 200


def give_app(user: User) -> None:
    """An authenticator app with SECRET."""
    TOTP.activate(user, SECRET)
    assert Authenticator.objects.filter(user=user).exists()


def code(secret: str = SECRET) -> str:
    """What the app shows now."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))


def same_answer(one: Any, other: Any) -> bool:
    """Whether two answers tell the same, but for tokens of forms and the e-mail addresses that were typed."""
    return (one.status_code, _told(one)) == (other.status_code, _told(other))


def _told(answer: Any) -> str:
    html = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", answer.content.decode())
    return re.sub(r"[\w.]+@example\.com", "", html)
