"""What the domain raises; each edge maps these to its own answers in one place."""


class DomainError(Exception):
    """Base of all: `code` is for programs, the message is for people and says what to do."""

    code = "refused"
    status = 400


class NotFound(DomainError):
    """It does not exist, or not for this game: the two are never told apart."""

    code = "not-found"
    status = 404


class NotPermitted(DomainError):
    """The role or scope does not reach this."""

    code = "not-permitted"
    status = 403


class Conflict(DomainError):
    """The state has moved on, or a limit is reached."""

    code = "conflict"
    status = 409


class Invalid(DomainError):
    """A value cannot be used."""

    code = "invalid"
    status = 422
