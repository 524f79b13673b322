"""Which role a member needs for what, on pages. Keys have scopes instead."""

from enum import StrEnum
from typing import Final

from connmon.accounts.models import Role
from connmon.core.errors import NotPermitted


class Act(StrEnum):
    """What a member may want to do."""

    LOOK = "look"
    PLAN = "plan"
    EXECUTE = "execute"  # and undo, stop, emergency, sweep


ROLES: Final = {Act.LOOK: Role.VIEWER, Act.PLAN: Role.PLANNER, Act.EXECUTE: Role.APPROVER}


def may(role: Role, act: Act) -> bool:
    """Whether a member with `role` may; buttons for what he may not are not shown."""
    return role.rank >= ROLES[act].rank


def require(role: Role, act: Act) -> None:
    """Raises NotPermitted unless `may`."""
    if not may(role, act):
        raise NotPermitted(f"This takes the role {ROLES[act].label}; yours is {role.label}. Ask an admin of the game.")
