"""Which role may do what."""

import pytest

from connmon.accounts.models import Role
from connmon.cleanup.roles import Act, may, require
from connmon.core.errors import NotPermitted

MAY = {
    Role.VIEWER: {Act.LOOK},
    Role.PLANNER: {Act.LOOK, Act.PLAN},
    Role.APPROVER: {Act.LOOK, Act.PLAN, Act.EXECUTE},
    Role.ADMIN: {Act.LOOK, Act.PLAN, Act.EXECUTE},
}


@pytest.mark.parametrize("role", list(Role))
def test_each_role_may_do_what_is_its_own(role: Role) -> None:
    assert {act for act in Act if may(role, act)} == MAY[role]


def test_who_may_not_is_told_which_role_it_takes() -> None:
    with pytest.raises(NotPermitted, match="takes the role Approver; yours is Planner"):
        require(Role.PLANNER, Act.EXECUTE)
    require(Role.APPROVER, Act.EXECUTE)
