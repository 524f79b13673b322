"""A small game on disk that leaks, for the tests of batches and of the command line."""

from pathlib import Path

LEAKING = """\
local Players = game:GetService("Players")
local RunService = game:GetService("RunService")

Players.PlayerAdded:Connect(function(player)
	RunService.Heartbeat:Connect(function(delta)
		player:SetAttribute("Age", (player:GetAttribute("Age") or 0) + delta)
	end)
end)
"""
CLEAN = """\
local Players = game:GetService("Players")

Players.PlayerAdded:Connect(function(player)
	print(player.Name)
end)
"""
BROKEN_WORDS = "compiled bytecode"
BROKEN = bytes([6, 3, 1, 2, 255])


def make_game(root: Path) -> Path:
    """Leaking.server.luau, Clean.server.luau and Broken.luau in root/src; returns root."""
    folder = root / "src"
    folder.mkdir(parents=True)
    (folder / "Leaking.server.luau").write_text(LEAKING)
    (folder / "Clean.server.luau").write_text(CLEAN)
    (folder / "Broken.luau").write_bytes(BROKEN)
    return root
