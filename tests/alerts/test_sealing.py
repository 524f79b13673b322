"""Addresses and secrets of destinations in the database: sealed, and what becomes of them when the key changes."""

from importlib import import_module
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from connmon.alerts import destinations, outbox
from connmon.alerts.models import Delivery, Destination
from connmon.core.errors import Invalid
from connmon.core.sealing import unseal
from tests.alerts.room import BY, HOOK, SECRET, Outside
from tests.conftest import NOW

OTHER_KEY = "other-" + "k" * 50


def columns(destination: Destination) -> tuple[str, str]:
    """Address and secret as they stand in the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT address, secret FROM alerts_destination WHERE id = %s", [destination.pk])
        address, secret = cursor.fetchone()
    return address, secret


def read(destination: Destination) -> tuple[str, str]:
    found = Destination.objects.get(pk=destination.pk)
    return found.address, found.secret


def test_the_database_holds_neither_address_nor_secret_as_they_are(destination: Destination) -> None:
    assert read(destination) == (HOOK, SECRET)
    for column, plain in zip(columns(destination), (HOOK, SECRET), strict=True):
        assert plain not in column
        assert unseal(column) == plain


def test_a_change_is_sealed_too(destination: Destination) -> None:
    destinations.change_destination(destination.game, destination.pk, {"secret": "t" * 20}, by=BY, now=NOW)
    assert read(destination) == (HOOK, "t" * 20)
    assert "ttt" not in columns(destination)[1]


def test_a_new_key_reads_with_the_fallback_and_without_it_after_resealing(
    destination: Destination, settings: Any
) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OTHER_KEY, [settings.SECRET_KEY]
    assert read(destination) == (HOOK, SECRET)
    call_command("reseal")
    settings.SECRET_KEY_FALLBACKS = []
    assert read(destination) == (HOOK, SECRET)


def test_without_the_key_nothing_is_sent_and_the_delivery_says_why(
    destination: Destination, settings: Any, outside: Outside
) -> None:
    destinations.send_test(destination.game, destination.pk, by=BY, now=NOW)
    settings.SECRET_KEY = OTHER_KEY
    while outbox.deliver_one(now=NOW, send=outside):
        pass
    assert not outside.sent
    delivery = Delivery.objects.get()
    assert delivery.state == "dead"
    assert "SECRET_KEY" in delivery.detail
    assert Destination.objects.get().shown_address == "cannot be read any more"


def test_without_the_key_a_destination_is_mended_by_giving_both_anew(destination: Destination, settings: Any) -> None:
    settings.SECRET_KEY = OTHER_KEY
    game = destination.game
    before = columns(destination)
    for half in ({"enabled": False}, {"address": HOOK}, {"secret": SECRET}):
        with pytest.raises(Invalid, match="SECRET_KEY"):
            destinations.change_destination(game, destination.pk, half, by=BY, now=NOW)
    assert columns(destination) == before
    destinations.change_destination(game, destination.pk, {"address": HOOK, "secret": SECRET}, by=BY, now=NOW)
    assert read(destination) == (HOOK, SECRET)


def test_resealing_leaves_alone_what_it_cannot_read(destination: Destination, settings: Any) -> None:
    before = columns(destination)
    settings.SECRET_KEY, known = OTHER_KEY, settings.SECRET_KEY
    with pytest.raises(CommandError, match="SECRET_KEY_FALLBACKS"):
        call_command("reseal")
    assert columns(destination) == before
    settings.SECRET_KEY = known
    assert read(destination) == (HOOK, SECRET)


def test_what_an_earlier_version_wrote_is_sealed_by_the_migration(destination: Destination) -> None:
    migration = import_module("connmon.alerts.migrations.0002_seal_destinations")
    with connection.schema_editor() as editor:
        migration.unseal_all(None, editor)
    assert columns(destination) == (HOOK, SECRET)
    with connection.schema_editor() as editor:
        migration.seal_all(None, editor)
    assert HOOK not in columns(destination)
    assert read(destination) == (HOOK, SECRET)
