"""Sources of a small game, as CI sends them, and uploads of them."""

import io
import json
import zipfile
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.utils import timezone

from connmon.accounts.audit import Actor
from connmon.accounts.models import Game
from connmon.source.actions import receive_upload
from connmon.source.analysis import analyse_next
from connmon.source.changes import pack
from connmon.source.models import Change, Finding, SourceFile, Upload
from migrator.files import read_texts
from migrator.pieces import Part

COMBAT: Final = """local Players = game:GetService("Players")
local RunService = game:GetService("RunService")

local CombatService = {}

function CombatService.Start()
	Players.PlayerAdded:Connect(function(player)
		RunService.Heartbeat:Connect(function(step)
			player:SetAttribute("Alive", step)
		end)
	end)
end

return CombatService
"""
LEAK_LINE: Final = 8
SHOP: Final = """local Shop = {}
function Shop.Start(signal)
	local connection = signal.Event:Connect(print)
	connection:Disconnect()
end
return Shop
"""
PETS: Final = """-- Pets
local Players = game:GetService("Players")
local RunService = game:GetService("RunService")

local Pets = {}

function Pets.Start(part)
	Players.PlayerAdded:Connect(function(player)
		RunService.Heartbeat:Connect(function()
			player:SetAttribute("Alive", true)
		end)
		RunService.Stepped:Connect(function()
			player:SetAttribute("Hungry", true)
		end)
	end)
	Players.PlayerAdded:Connect(function(player)
		part.Touched:Connect(function()
			player:SetAttribute("Near", true)
		end)
	end)
end

return Pets
"""  # three changes
ROJO: Final = json.dumps(
    {
        "name": "game",
        "tree": {
            "$className": "DataModel",
            "ServerScriptService": {"$path": "src/server"},
            "ReplicatedStorage": {"Shared": {"$path": "src/shared"}},
        },
    }
)
GAME: Final = {
    "src/server/CombatService.luau": COMBAT,
    "src/server/Shop.luau": SHOP,
    "default.project.json": ROJO,
}
BY: Final = Actor.of_command("ci")


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    """A zip archive of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def as_json(files: Mapping[str, str], version: int = 143) -> dict[str, Any]:
    """The same as a JSON body."""
    return {"place_version": version, "files": [{"path": path, "source": text} for path, text in files.items()]}


def put_upload(
    game: Game, files: Mapping[str, str | bytes] = GAME, *, version: int = 143, now: datetime | None = None
) -> Upload:
    """An upload that waits to be analysed."""
    found = read_texts((path, text if isinstance(text, bytes) else text.encode()) for path, text in files.items())
    upload, _ = receive_upload(game, found, place_version=version, by=BY, now=now or timezone.now())
    return upload


def analysed(game: Game, files: Mapping[str, str | bytes] = GAME, *, version: int = 143) -> Upload:
    """An upload, analysed as a worker does it."""
    upload = put_upload(game, files, version=version)
    assert analyse_next(clock=timezone.now)
    upload.refresh_from_db()
    assert upload.state == "done", upload.reason
    return upload


def put_change(file: SourceFile, *, why: str, text: str, choice: str = "open") -> Change:
    """A change that puts a text before everything else."""
    parts = pack([Part((0, 0), f"{text}\n".encode())])
    return Change.objects.create(
        file=file,
        number=file.changes.count() + 1,
        line=1,
        why=why,
        parts=parts,
        digest=b"",
        choice=choice,
        decided_by=why,
    )


def put_analysed(game: Game, files: Mapping[str, str], *, service: str, patch: str) -> Upload:
    """An upload with a leak and a rewrite in each file, straight into the tables."""
    upload = put_upload(game, files)
    Upload.objects.filter(pk=upload.pk).update(state="done", leaks=len(files), ended_at=timezone.now(), reason="")
    texts = dict.fromkeys(("signal", "kind", "reason", "advice", "code", "site", "function"), service)
    for file in upload.files.all():
        SourceFile.objects.filter(pk=file.pk).update(
            service=service,
            place=service,
            leaks=1,
            patch=patch,
            outcome="proven",
            differences=[patch],
            notes=[[1, patch]],
        )
        Finding.objects.create(
            upload=upload, file=file, service=service, line=1, end_line=1, column=1, rank=3, severity="high",
            verdict="leak", method="Connect", outcome="proven", outcome_reason=service, **texts,
        )  # fmt: skip
        put_change(file, why=service, text=patch)
    return upload
