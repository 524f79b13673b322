"""The installation's page: for who runs it, to read; what it changes is in the trail."""

from collections.abc import Callable

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse

from connmon.accounts.models import AuditEntry, Game, Role, User
from dashboard.admin import site
from tests.dashboard import people
from tests.dashboard.pages import Filled, fill
from tests.dashboard.people import PASSWORD, give_password, is_in, said_password


@pytest.fixture
def operator(owner: User, as_owner: Client) -> Client:
    """A superuser who has said the password a moment ago."""
    User.objects.filter(pk=owner.pk).update(is_superuser=True)
    return said_password(as_owner, owner)


@pytest.fixture
def filled(game: Game) -> Filled:
    return fill(game)


def act(client: Client, action: str, *users: User) -> str:
    form = {"action": action, "_selected_action": [user.pk for user in users]}
    answer = client.post(reverse("admin:accounts_user_changelist"), form, follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.mark.parametrize("model", site._registry, ids=lambda model: model.__name__)
def test_every_list_and_row_can_be_read(model: type, filled: Filled, operator: Client) -> None:
    name = f"admin:{model._meta.label_lower.replace('.', '_')}"  # type: ignore[attr-defined]
    listed = operator.get(reverse(f"{name}_changelist"), {"q": "a"})
    assert listed.status_code == 200
    row = model.objects.first()  # type: ignore[attr-defined]
    if row is not None:
        html = operator.get(reverse(f"{name}_change", args=[row.pk])).content.decode()
        assert 'name="_save"' not in html
        assert "<script>alert" not in html
    assert operator.get(reverse(f"{name}_add")).status_code == 403


def test_nothing_is_changed_or_deleted_by_its_forms(filled: Filled, operator: Client, owner: User) -> None:
    entry = AuditEntry.objects.first()
    assert entry
    assert (
        operator.post(reverse("admin:accounts_auditentry_delete", args=[entry.pk]), {"post": "yes"}).status_code == 403
    )
    assert operator.post(reverse("admin:accounts_user_change", args=[owner.pk]), {"email": "x@y.z"}).status_code == 403
    assert "delete_selected" not in operator.get(reverse("admin:accounts_game_changelist")).content.decode()


def test_secrets_are_on_no_page(filled: Filled, operator: Client) -> None:
    fields = {field for model, admin in site._registry.items() for field in admin.fields or ()}
    assert not fields & {"digest", "password", "links_key", "secret"}
    assert not {apps.get_model("accounts", "SetupToken")} & site._registry.keys()


@pytest.mark.parametrize("role", list(Role))
def test_members_of_a_game_do_not_reach_it(
    role: Role, game: Game, make_member: Callable[[Role], User], log_in: Callable[[User], Client]
) -> None:
    user = make_member(role)
    client = said_password(log_in(user), user)
    for address in ("/admin/", "/admin/accounts/user/", "/admin/accounts/game/"):
        assert client.get(address, follow=True).status_code == 403


def test_whoever_is_not_logged_in_is_sent_to_the_sites_own_door(client: Client, db: None) -> None:
    answer = client.get("/admin/accounts/user/", follow=True)
    assert answer.redirect_chain[-1][0].startswith("/login/?next=")


@pytest.mark.usefixtures("fresh_limits")
def test_it_asks_for_the_password(owner: User) -> None:
    owner.is_superuser = True
    client = Client()
    client.force_login(give_password(owner))  # a session as a thief may have it
    asked = client.get("/admin/accounts/user/")
    assert asked["Location"].startswith("/account/reauthenticate/")
    assert client.post(asked["Location"], {"password": PASSWORD})["Location"] == "/admin/accounts/user/"


def test_logging_out_and_passwords_are_the_sites_own(operator: Client) -> None:
    assert operator.post("/admin/logout/")["Location"] == reverse("account_logout")
    assert operator.get("/admin/password_change/")["Location"] == reverse("account_change_password")


def test_a_locked_out_account_is_out_until_it_is_let_in_again(
    operator: Client, make_member: Callable[[Role], User], log_in: Callable[[User], Client], owner: User
) -> None:
    member = make_member(Role.ADMIN)
    theirs = log_in(member)
    assert is_in(theirs)
    assert "Locked out: 1." in act(operator, "lock", member)
    assert not is_in(theirs)
    assert "Locked out: 0." in act(operator, "lock", member)
    assert "Let in again: 1." in act(operator, "unlock", member)
    assert is_in(log_in(member))
    entries = AuditEntry.objects.filter(action__startswith="user.", target=member.email).order_by("id")
    assert [(one.action, one.actor) for one in entries] == [
        ("user.locked", owner.email),
        ("user.unlocked", owner.email),
    ]


def test_nobody_locks_themselves_out(operator: Client, owner: User) -> None:
    assert "lock yourself out" in act(operator, "lock", owner)
    assert is_in(operator)


@pytest.mark.usefixtures("fresh_limits")
def test_sessions_are_ended_with_an_entry(operator: Client, make_member: Callable[[Role], User]) -> None:
    member, theirs = give_password(make_member(Role.VIEWER)), Client()
    people.log_in(theirs, member.email)
    assert is_in(theirs)
    act(operator, "end_sessions", member)
    assert not is_in(theirs)
    assert AuditEntry.objects.filter(action="sessions.ended", target=member.email).count() == 1
