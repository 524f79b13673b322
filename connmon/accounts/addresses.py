"""E-mail addresses that are known to belong to their account's owner. OpenID Connect trusts no others."""

from allauth.account.models import EmailAddress

from connmon.accounts.models import User


def note_verified(user: User) -> None:
    """Notes that the account's owner receives mail at its address. Twice is once."""
    EmailAddress.objects.update_or_create(user=user, email=user.email, defaults={"verified": True, "primary": True})


def find_by_verified(email: str) -> User | None:
    """The active user whose own address this is, if it is known to be theirs."""
    email = email.lower()
    users = User.objects.filter(email=email, is_active=True)
    return users.filter(emailaddress__email=email, emailaddress__verified=True).first()
