"""The ObstacleSpawnerService before and after migration, and the scripts for Studio."""

from pathlib import Path

import pytest

from tests.luau.conftest import Server

EXAMPLES = Path(__file__).parents[2] / "agents" / "luau" / "examples"
SERVICE = "ServerScriptService.ObstacleSpawnerService"
STUDIO = sorted((EXAMPLES / "studio").glob("*.luau"))


def load(server: Server, which: str) -> None:
    """The example as shared.service, initialized."""
    server.vm.add_script(SERVICE, (EXAMPLES / which / "ObstacleSpawnerService.luau").read_text())
    server.lua("""
        shared.service = require(game:GetService('ServerScriptService').ObstacleSpawnerService)
        shared.service:Initialize()
    """)


def play(server: Server) -> None:
    """A minute of a round in which players come, respawn and leave."""
    server.vm.join("Ann", 1)
    server.lua("shared.service:Start()")
    server.vm.join("Bob", 2)
    server.vm.advance(30, fps=10)
    server.vm.respawn(2)
    server.vm.leave(1)
    server.vm.advance(30, fps=10)


def test_before_migration_stop_and_cleanup_forget_connections(server: Server) -> None:
    load(server, "before")
    play(server)
    lines = (EXAMPLES / "before" / "ObstacleSpawnerService.luau").read_text().splitlines()
    server.lua("shared.service:Start() shared.service:Cleanup()")
    forgotten = {
        lines[int(site.rpartition(":")[2]) - 1].strip(): count
        for site, count in server.vm.connections_by_site().items()
        if site.startswith(SERVICE)
    }
    assert forgotten == {
        "self.connections.Spawner = RunService.Heartbeat:Connect(function(delta: number)": 1,  # the first loop
        "RunService.Heartbeat:Connect(function(delta: number)": 24,  # a mover for each obstacle there ever was
        "player.CharacterAdded:Connect(function()": 1,  # Bob's characters
        "self.connections.PlayerAdded = Players.PlayerAdded:Connect(function(player)": 1,
    }


def test_after_migration_nothing_is_left(server: Server) -> None:
    load(server, "after")
    play(server)
    server.lua("shared.service:Start() shared.service:Cleanup()")
    assert server.live() == 0
    assert server.stats()["Services"]["ObstacleSpawnerService"]["Live"] == 0


def test_cleanup_returns_connection_statistics(server: Server) -> None:
    load(server, "after")
    play(server)
    result = server.lua("return shared.service:Cleanup()")
    cleaned, stats = result["Cleaned"], result["Stats"]
    assert cleaned["ByType"] == {
        "RunService.Heartbeat": 6,  # the spawning loop and five movers
        "Players.PlayerAdded": 1,
        "Players.PlayerRemoving": 1,
        "Player.CharacterAdded": 1,  # Bob's; Ann's went with her
    }
    assert cleaned["Closed"] == len(cleaned["Names"]) == 9
    assert (stats["Live"], stats["Opened"]) == (0, stats["Closed"])
    assert result["Pool"]["Hits"] + result["Pool"]["Misses"] == 25  # 24 movers and the spawning loop


def test_movers_are_reused(server: Server) -> None:
    load(server, "after")
    play(server)
    pool = server.stats()["Pools"]["RunService.Heartbeat"]
    assert pool["Hits"] / (pool["Hits"] + pool["Misses"]) >= 0.7


def test_stop_ends_all_the_service_owns_and_start_begins_again(server: Server) -> None:
    load(server, "after")
    play(server)
    server.lua("shared.service:Stop()")
    assert server.stats()["Services"]["ObstacleSpawnerService"]["Live"] == 0
    server.lua("shared.service:Start()")
    server.vm.advance(3, fps=10)
    assert server.lua("return shared.service.spawned") == 25


def test_a_touch_counts_as_a_hit_until_the_player_leaves(server: Server) -> None:
    load(server, "after")
    server.vm.join("Ann", 1)
    server.lua("shared.service:Start()")
    server.vm.advance(3, fps=10)
    server.vm.extend(TOUCH)
    server.lua("shared.touch(next(shared.service.obstacles), Players:GetPlayers()[1].Character.Humanoid)")
    assert server.lua("return shared.service.hits[Players:GetPlayers()[1]]") == 1
    server.vm.leave(1)
    assert server.lua("local count = 0 for _ in shared.service.hits do count += 1 end return count") == 0


TOUCH = """
    local control = ...
    control.env.shared.touch = function(part, other)
        control.instances.fire(part, 'Touched', other)
    end
"""


@pytest.mark.parametrize("script", STUDIO, ids=[path.stem for path in STUDIO])
def test_the_scripts_for_studio_find_nothing_wrong_in_the_vm(server: Server, script: Path) -> None:
    server.vm.add_script(SERVICE, (EXAMPLES / "after" / "ObstacleSpawnerService.luau").read_text())
    server.vm.join("Ann", 1)
    function = server.vm.run(f"return function() {script.read_text()}\nend")[0]
    server.vm.start(function)
    server.pass_time(30)
    server.vm.leave(1)
    server.pass_time(3)
    lines = [text for _, text in server.vm.output if text.startswith(("ok", "NOT OK", "done"))]
    assert lines
    assert lines[-1].startswith("done")
    assert [text for text in lines if text.startswith("NOT OK")] == []
