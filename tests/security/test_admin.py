"""The installation's own pages are for superusers: no role in any game, and no key, leads there."""

import re
from collections.abc import Iterator
from typing import Final

import pytest
from django.urls import URLPattern, URLResolver, reverse

from connmon.accounts.models import Role, User
from dashboard.admin import site
from tests.security.actors import Actor, by_session, visitors_of
from tests.security.tally import TALLY, WHOLE
from tests.security.test_matrix import in_scale
from tests.security.world import Filled

ELSEWHERE: Final = ("/admin/login/", "/login/", "/admin/")  # where whoever may not is sent, in the end to log in
ARGUMENT: Final = re.compile(r"<[^>]+>|\(\?P<\w+>[^)]*\)")


def paths(patterns: list[URLPattern | URLResolver], root: str) -> Iterator[str]:
    """An address for each pattern."""
    for pattern in patterns:
        path = root + ARGUMENT.sub("1", str(pattern.pattern)).replace("^", "").replace("$", "")
        if isinstance(pattern, URLPattern):
            yield path
        else:
            yield from paths(pattern.url_patterns, path)


@pytest.fixture(scope="module")
def admin_paths() -> list[str]:
    every = list(paths(site.get_urls(), reverse("admin:index")))
    return every if WHOLE else every[::4]


def is_turned_away(actor: Actor, method: str, path: str, *hidden: str) -> bool:
    answer = actor.ask(method, path)
    TALLY.matrix_cells += 1
    told = f"{answer.headers}{answer.text}"
    to = answer.headers.get("Location", "")
    is_told_no = answer.status == 403 or (answer.status == 302 and to.startswith(ELSEWHERE))
    leaks = [word for word in hidden if word in told]
    TALLY.leaks_across_games += len(leaks)
    return is_told_no and not leaks


def test_nobody_but_superusers_gets_anywhere(ours: Filled, theirs: Filled, admin_paths: list[str]) -> None:
    wrong = [
        f"{actor.name}: {method} {path}"
        for actor in in_scale(visitors_of(ours, theirs))
        for path in admin_paths
        for method in (("GET", "POST") if WHOLE else ("GET",))
        if not is_turned_away(actor, method, path, ours.mark, theirs.mark)
    ]
    TALLY.matrix_wrong += len(wrong)
    assert not wrong, "\n".join(wrong)
    assert len(admin_paths) > (30 if WHOLE else 7)


def test_a_superuser_gets_there_so_the_addresses_are_right(ours: Filled, admin_paths: list[str]) -> None:
    person = ours.members[Role.VIEWER]
    User.objects.filter(pk=person.pk).update(is_superuser=True)
    operator = by_session("operator", person)
    answers = {path: operator.ask("GET", path) for path in admin_paths}
    assert {answer.status for answer in answers.values()} <= {200, 301, 302, 403, 404}
    assert answers["/admin/"].status == 200
    assert len([path for path, answer in answers.items() if answer.status == 200]) > 3
