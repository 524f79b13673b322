"""What ends a start: one sentence for the person at the terminal, with what to do next."""


class StartError(RuntimeError):
    """Something outside this program stands in the way; the message says what, and what to do."""


class StopAsked(Exception):
    """The person asked for the end while something was still being waited for."""
