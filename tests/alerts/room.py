"""What the tests of the alerts room share: who acts, the world outside, time that passes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connmon.accounts.audit import Actor
from connmon.accounts.models import ActorKind
from connmon.alerts.evaluate import WATCH, evaluate
from connmon.alerts.messages import Message
from connmon.alerts.models import Rule, Watch
from connmon.alerts.outbound import Outcome

BY = Actor(ActorKind.USER, "1", "ops@example.com")
HOOK = "https://hooks.example.com/T0/secret-part"
SECRET = "s" * 20
MakeRule = Callable[..., Rule]


@dataclass
class Outside:
    """Stands for everything beyond our network: keeps what is sent, answers as told."""

    outcome: Outcome = field(default_factory=lambda: Outcome(True, "Answered with 200."))
    sent: list[Message] = field(default_factory=list)

    def __call__(self, message: Message) -> Outcome:
        self.sent.append(message)
        return self.outcome


def evaluate_until(end: datetime) -> int:
    """Evaluates every ten seconds from the last time to `end`, as beat does; how many alerts fired or resolved."""
    changed, at = 0, Watch.objects.get(pk=WATCH).last_at
    while (at := at + timedelta(seconds=10)) <= end:
        changed += evaluate(now=at)
    return changed
