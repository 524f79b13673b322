"""Sources and archives that were made to break something: each is named, and what stands beside it is analysed."""

import random

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bench.migrator.hostile import SOURCES
from connmon.accounts.models import Game
from connmon.source.actions import receive_upload
from connmon.source.analysis import analyse_next
from connmon.source.models import Finding, SourceFile
from connmon.source.states import BOUNDS
from migrator.files import InputRefused, read_texts, read_zip
from tests.dashboard.conftest import as_owner, log_in
from tests.source.uploads import BY, COMBAT, GAME, zipped

__all__ = ["as_owner", "log_in"]

LEAK = b"""game.Players.PlayerAdded:Connect(function(player)
	game:GetService("RunService").Heartbeat:Connect(function() print(player) end)
end)
"""
RUN = {
    "endless.server.luau": LEAK + b"while true do end\n",
    "odd.server.luau": b"-- \xff\xfe \x01 \xe2\x80\xae\n" + LEAK,
}
READ = ("100,000 parentheses", "invalid UTF-8", "bytecode", "a NUL", "10 MB")


@pytest.mark.filterwarnings("ignore")
def test_hostile_sources_cost_only_themselves(game: Game, as_owner: Client) -> None:
    texts = {f"{name}.luau": SOURCES[name] for name in READ} | RUN | {"good.luau": COMBAT.encode()}
    found = read_texts(texts.items(), BOUNDS)
    upload, _ = receive_upload(game, found, place_version=1, by=BY, now=timezone.now())
    assert [path for path, _ in upload.refused] == ["10 MB.luau"]
    assert analyse_next(clock=timezone.now)
    upload.refresh_from_db()
    assert (upload.state, upload.reason) == ("done", "")
    problems = dict(SourceFile.objects.filter(upload=upload).exclude(problem="").values_list("path", "problem"))
    assert "bytecode.luau" in problems
    files = {file.path: file for file in SourceFile.objects.filter(upload=upload)}
    assert files["good.luau"].outcome == "proven"
    endless = files["endless.server.luau"]
    assert endless.patch
    assert endless.outcome == "not exercised"
    assert all("was stopped" in row.outcome_reason for row in Finding.objects.filter(file=endless))
    assert files["odd.server.luau"].leaks == 1
    for path in files:
        where = reverse("migration-file", kwargs={"slug": game.slug, "number": upload.pk})
        assert as_owner.get(where, {"path": path}).status_code == 200
    assert as_owner.get(reverse("migration", kwargs={"slug": game.slug})).status_code == 200


def test_a_broken_archive_is_read_in_part_or_refused() -> None:
    """Whatever byte is broken; nothing else may come out of it."""
    whole = zipped(GAME)
    chance = random.Random(7)
    refused = 0
    for _ in range(1_000):
        broken = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        try:
            found = read_zip(bytes(broken), BOUNDS)
        except InputRefused:
            refused += 1
        else:
            assert set(found.sources) | set(found.refused) or found.rojo
    assert 0 < refused < 1_000


def test_an_archive_that_says_it_is_larger_than_its_bounds_is_not_unpacked() -> None:
    many = zipped({f"{number}.luau": bytes(3 * 2**20) for number in range(20)} | {"a.luau": COMBAT})
    found = read_zip(many, BOUNDS)
    assert sum(len(source.text) for source in found.sources.values()) <= BOUNDS.total_bytes
    assert "a.luau" in found.sources
    assert found.refused
    entries = zipped({f"{number}.txt": "" for number in range(BOUNDS.files + 1)})
    with pytest.raises(InputRefused, match="more than 5000 entries"):
        read_zip(entries, BOUNDS)
    with pytest.raises(InputRefused, match="at most"):
        read_zip(bytes(BOUNDS.archive_bytes + 1), BOUNDS)


def test_an_encrypted_entry_is_left_out_by_name() -> None:
    data = bytearray(zipped({"a.luau": COMBAT, "b.luau": COMBAT}))
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    found = read_zip(bytes(data), BOUNDS)
    assert "encrypted" in found.refused["a.luau"]
    assert list(found.sources) == ["b.luau"]
