"""Proven, changed, not exercised: what each means."""

import pytest

from migrator.validate import Limits, Live, Outcome, TestCase, ValidationReport
from tests.migrator.validate.running import only_site, validate

PER_PLAYER = """
local function onPlayerAdded(player)
	RunService.Heartbeat:Connect(function(delta)
		player:SetAttribute("Age", (player:GetAttribute("Age") or 0) + delta)
	end)
end
Players.PlayerAdded:Connect(onPlayerAdded)
"""
PER_PLAYER_MANAGED = """
local function onPlayerAdded(player)
	ConnectionUtils:Connect(RunService.Heartbeat, function(delta)
		player:SetAttribute("Age", (player:GetAttribute("Age") or 0) + delta)
	end, {owner}, "Age", "RunService.Heartbeat")
end
ConnectionUtils:Connect(Players.PlayerAdded, onPlayerAdded, "service:Combat", "PlayerAdded", "Players.PlayerAdded")
"""


def test_a_leak_that_is_managed_is_proven_and_leaves_nothing() -> None:
    report = validate(PER_PLAYER, PER_PLAYER_MANAGED.replace("{owner}", "player"))
    heartbeat, added = report.sites
    assert [heartbeat.outcome, added.outcome, report.outcome] == [Outcome.PROVEN] * 3
    assert heartbeat.after_players_left == Live(2, 0)
    assert heartbeat.calls[0] > heartbeat.calls[1] > 0
    assert report.after_players_left == Live(3, 1)


def test_the_same_code_twice_is_proven() -> None:
    report = validate(PER_PLAYER)
    assert report.outcome is Outcome.PROVEN
    assert report.after_players_left == Live(3, 3)


def test_a_name_that_players_share_cuts_off_the_first_of_them() -> None:
    report = validate(PER_PLAYER, PER_PLAYER_MANAGED.replace("{owner}", '"service:Combat"'))
    assert report.sites[0].outcome is Outcome.CHANGED
    assert "is missing in the migrated code" in report.sites[0].reason


def test_a_connection_under_the_wrong_owner_is_changed() -> None:
    original = """
    local function startLoop()
        RunService.Heartbeat:Connect(function() end)
    end
    local shared
    Players.PlayerAdded:Connect(function(player)
        if not shared then
            shared = true
            startLoop()
        end
    end)
    """
    connect = "ConnectionUtils:Connect(RunService.Heartbeat, function() end, Players.Bob, 'Loop')"
    migrated = original.replace("RunService.Heartbeat:Connect(function() end)", connect)
    proven_until_bob_leaves = validate(original, migrated).sites[0]
    assert proven_until_bob_leaves.outcome is Outcome.CHANGED
    assert "half a second passes" in proven_until_bob_leaves.reason


@pytest.mark.parametrize(
    "migrated",
    [
        "Players.PlayerAdded:Connect(function(player) end)\n-- no handler",
        "Players.PlayerAdded:Connect(function(player) end)\nlocal function onLeft(player) end\n",
        "Players.PlayerAdded:Connect(function(player) end)\nlocal function onLeft(player) end\n"
        "Players.PlayerRemoving:Connect(function(player) onLeft(player.Name) end)",
        "Players.PlayerAdded:Connect(function(player) end)\nlocal function onLeft(player) end\n"
        "Players.PlayerRemoving:Connect(onLeft) Players.PlayerRemoving:Connect(onLeft)",
    ],
    ids=["callback gone", "never connected", "other arguments", "twice"],
)
def test_a_callback_that_is_lost_or_called_otherwise_is_changed(migrated: str) -> None:
    original = (
        "Players.PlayerAdded:Connect(function(player) end)\nlocal function onLeft(player) end\n"
        "Players.PlayerRemoving:Connect(onLeft)"
    )
    added, removing = validate(original, migrated).sites
    assert added.outcome is Outcome.PROVEN
    assert removing.outcome is Outcome.CHANGED


def test_another_order_of_calls_is_changed() -> None:
    first = "Players.PlayerAdded:Connect(function(player) local a = 1 end)\n"
    second = "Players.PlayerAdded:Connect(function(player) local b = 2 end)\n"
    assert validate(first + second).outcome is Outcome.PROVEN
    assert validate(first + second, second + first).outcome is Outcome.CHANGED


def test_an_order_that_the_original_has_by_chance_is_none() -> None:
    by_address = """
    local score = {}
    for number = 1, 9 do
        score[Instance.new("Part")] = number
    end
    local function tell(number) end
    RunService.Heartbeat:Connect(function()
        for _, number in score do
            tell(number)
        end
    end)
    """
    assert validate(by_address).outcome is Outcome.PROVEN


def test_text_that_names_an_address_is_the_same_in_both_runs() -> None:
    assert (
        validate("""
    local function log(text) end
    RunService.Heartbeat:Connect(function() log("at " .. tostring({})) end)
    """).outcome
        is Outcome.PROVEN
    )


def test_more_connections_left_behind_than_before_is_changed() -> None:
    original = """
    Players.PlayerAdded:Connect(function(player)
        local connection
        connection = RunService.Heartbeat:Connect(function()
            connection:Disconnect()
        end)
    end)
    """
    migrated = original.replace("connection:Disconnect()", "if not connection.Connected then return end")
    heartbeat = validate(original, migrated).sites[1]
    assert heartbeat.outcome is Outcome.CHANGED


def test_a_site_that_no_step_reaches_is_not_exercised() -> None:
    site = only_site(validate("if false then\nPlayers.PlayerAdded:Connect(function() end)\nend"))
    assert (site.outcome, site.reason) == (Outcome.NOT_EXERCISED, "Nothing that was tried reaches this line.")


def test_a_callback_that_nothing_calls_is_not_exercised() -> None:
    report = validate("workspace.Door.Destroying:Connect(function() end)")
    assert only_site(report).outcome is Outcome.NOT_EXERCISED
    assert "nothing that was tried fires workspace.Door.Destroying" in only_site(report).reason
    assert report.outcome is Outcome.NOT_EXERCISED


def test_loading_that_fails_in_both_is_not_exercised_with_the_reason() -> None:
    site = only_site(validate("error('no database')\nPlayers.PlayerAdded:Connect(function() end)"))
    assert site.outcome is Outcome.NOT_EXERCISED
    assert "no database" in site.reason


def test_loading_that_fails_only_after_migration_is_changed() -> None:
    original = "Players.PlayerAdded:Connect(function() end)"
    report = validate(original, "error('broken')\n" + original)
    assert report.outcome is Outcome.CHANGED
    assert any("broken" in sentence for sentence in report.differences)


def test_migrated_code_that_does_not_compile_is_changed() -> None:
    original = "Players.PlayerAdded:Connect(function() end)"
    report = validate(original, original + "\nlocal = 1")
    assert only_site(report).outcome is Outcome.CHANGED
    assert "does not compile" in only_site(report).reason


def test_migrated_code_without_an_end_is_changed_and_named() -> None:
    original = "RunService.Heartbeat:Connect(function() end)"
    report = validate(original, original + "\nwhile true do end", limits=Limits(cpu_seconds=2, wall_seconds=240))
    assert report.outcome is Outcome.CHANGED
    assert "processor time" in report.stopped


SERVICE = """
local Service = {}
function Service:Start()
	{connect}
end
function Service:Stop() end
return Service
"""


NAMED = "local function handle({it})\n\t\t{body}\n\tend\n\tRunService.Heartbeat:Connect(handle)"
INLINE = "RunService.Heartbeat:Connect(function({it})\n\t\t{body}\n\tend)"


def started_again(handler: str, name: str) -> ValidationReport:
    """A service whose Start connects `handler`, started twice; migrated, the second replaces the first."""
    managed = handler.replace("RunService.Heartbeat:Connect(", "ConnectionUtils:Connect(RunService.Heartbeat, ")
    managed = f'{managed.removesuffix(")")}, self, "{name}")'
    again = TestCase("started again", "service:Start() world.wait(0) RunService = nil")
    texts = (SERVICE.replace("{connect}", handler), SERVICE.replace("{connect}", managed))
    return validate(*texts, [again], path=f"src/{name}Service.luau")


@pytest.mark.parametrize("form", [INLINE, NAMED])
def test_a_handler_that_a_second_start_doubled_may_run_once_after_migration(form: str) -> None:
    body = "self.time = (self.time or 0) + delta"
    report = started_again(form.format(it="delta", body=body), "Time")
    assert only_site(report).outcome is Outcome.PROVEN
    assert only_site(report).after_players_left == Live(2, 1)


@pytest.mark.parametrize("form", [INLINE, NAMED])
def test_one_that_serves_another_object_each_time_may_not(form: str) -> None:
    spin = form.format(it="", body="part.Position += Vector3.new(0, 1, 0)")
    report = started_again('local part = Instance.new("Part")\n\t' + spin, "Spin")
    assert only_site(report).outcome is Outcome.CHANGED


def test_a_callback_of_another_module_is_proven_by_how_often_it_fired() -> None:
    report = validate("Players.PlayerAdded:Connect(print)")
    assert only_site(report).outcome is Outcome.PROVEN
    assert "another module" in only_site(report).reason


PLAYERS_BY_HAND = """
local Service = { seen = {} }
local remote = game:GetService("ReplicatedStorage").Remotes.Buy
local function onAdded(player) Service.seen[player.Name] = true end
local function onRemoving(player) Service.seen[player.Name] = nil end
function Service:Start()
	Players.PlayerAdded:Connect(onAdded)
	Players.PlayerRemoving:Connect(onRemoving)
	for _, player in Players:GetPlayers() do
		task.spawn(onAdded, player)
	end
	RunService.Heartbeat:Connect(function(delta) self.time = delta end)
	remote.OnServerEvent:Connect(function(player, item) self.item = item end)
end
function Service:Stop() end
return Service
"""
PLAYERS_BY_HELPERS = """
local Service = { seen = {} }
local remote = game:GetService("ReplicatedStorage").Remotes.Buy
local function onAdded(player) Service.seen[player.Name] = true end
local function onRemoving(player) Service.seen[player.Name] = nil end
function Service:Start()
	ConnectionUtils:SetupPlayerManagement(self, onAdded, onRemoving)
	connmon.ConnectionManager:ConnectHeartbeat(function(delta) self.time = delta end, 0, self)
	ConnectionUtils:SetupRemoteEvents(self, { Buy = { remote, function(player, item) self.item = item end } })
end
function Service:Stop() end
ConnectionUtils:WrapService(Service, "Service")
return Service
"""


def test_helpers_that_connect_several_things_at_once_are_followed() -> None:
    report = validate(PLAYERS_BY_HAND, PLAYERS_BY_HELPERS, path="src/Service.luau")
    assert {
        site.signal: (site.outcome, site.reason) for site in report.sites if site.outcome is not Outcome.PROVEN
    } == {}
    assert len(report.sites) == 4
    assert report.after_cleanup == Live(4, 0)


def test_a_helper_that_greets_players_whom_the_original_did_not_is_changed() -> None:
    without_loop = PLAYERS_BY_HAND.replace("task.spawn(onAdded, player)", "local _ = player")
    report = validate(without_loop, PLAYERS_BY_HELPERS, path="src/Service.luau")
    assert report.sites[0].outcome is Outcome.CHANGED
    assert "onAdded" in report.sites[0].reason
    assert "is new in the migrated code" in report.sites[0].reason


MOVER = """
local Service = {}
function Service:Spawn()
	local part = Instance.new("Part", workspace)
	local other = Instance.new("Part", workspace)
	{connect}
	task.delay(1, function() other:Destroy() end)
	task.delay(20, function() part:Destroy() end)
end
return Service
"""
MOVES = "function(delta)\n\t\tpart.Position += Vector3.new(delta, 0, 0)\n\tend"


@pytest.mark.parametrize(("owner", "outcome"), [("part", Outcome.PROVEN), ("other", Outcome.CHANGED)])
def test_a_handler_may_end_with_the_instance_it_is_about_and_no_other(owner: str, outcome: Outcome) -> None:
    original = MOVER.replace("{connect}", f"RunService.Heartbeat:Connect({MOVES})")
    managed = MOVER.replace("{connect}", f'ConnectionUtils:Connect(RunService.Heartbeat, {MOVES}, {owner}, "Move")')
    assert only_site(validate(original, managed, path="src/Spawner.luau")).outcome is outcome
