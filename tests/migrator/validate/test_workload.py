"""What the mocked server does to a script, and what stands in for the rest of its game."""

import pytest

from migrator.model import Project, Source
from migrator.validate import Outcome, TestCase, validate_migration
from migrator.validate.jobs import Signals
from tests.migrator.validate.running import LIMITS, SERVICES, only_site, validate


def test_remotes_tools_and_parts_that_are_not_there_are_fired() -> None:
    report = validate("""
    local remotes = game:GetService("ReplicatedStorage"):WaitForChild("Remotes")
    remotes.Buy.OnServerEvent:Connect(function(player, item) end)
    workspace.Lava.Touched:Connect(function(hit) end)
    for _, door in workspace.Doors:GetChildren() do
        door.ClickDetector.MouseClick:Connect(function(player) end)
    end
    game:GetService("CollectionService"):GetInstanceAddedSignal("Coin"):Connect(function(coin) end)
    Players.PlayerAdded:Connect(function(player)
        player.CharacterAdded:Connect(function(character)
            character:WaitForChild("Humanoid").Died:Connect(function() end)
        end)
        player.Chatted:Connect(function(message) end)
    end)
    """)
    assert {site.signal: site.outcome for site in report.sites} == {
        site.signal: Outcome.PROVEN for site in report.sites
    }
    assert len(report.sites) == 8


def test_a_local_script_has_its_player_and_its_frames() -> None:
    report = validate(
        """
    local player = Players.LocalPlayer
    player.CharacterAdded:Connect(function(character) end)
    RunService.RenderStepped:Connect(function(delta) end)
    RunService:BindToRenderStep("Camera", 200, function(delta) end)
    game:GetService("UserInputService").InputBegan:Connect(function(input, processed) end)
    Players.PlayerAdded:Connect(function(other) end)
    """,
        path="src/client/Camera.client.luau",
    )
    outcomes = {site.signal: site.outcome for site in report.sites}
    assert outcomes.pop("player.CharacterAdded") is Outcome.NOT_EXERCISED  # Alice, who plays, does not respawn
    assert set(outcomes.values()) == {Outcome.PROVEN}
    assert len(outcomes) == 4


def test_a_service_is_initialised_started_called_and_stopped_in_this_order() -> None:
    original = """
    local Service = {}
    local log = {}
    function Service:Cleanup() table.insert(log, "Cleanup") end
    function Service:Start() table.insert(log, "Start") end
    function Service:Stop() table.insert(log, "Stop") end
    function Service:Buy(player, amount) table.insert(log, player.Name .. amount) end
    function Service:Initialize() table.insert(log, "Initialize") end
    return Service
    """
    telling = original.replace('"Cleanup") end', '"Cleanup") error(table.concat(log, " ")) end')
    report = validate(original, telling, path="src/ShopService.luau")
    errors = [sentence for sentence in report.differences if "the error" in sentence]
    assert "Initialize Start Alice1 Bob1 Stop Cleanup" in " ".join(errors)


def test_an_object_is_made_and_its_methods_are_called() -> None:
    report = validate(
        """
    local Door = {}
    Door.__index = Door
    function Door.new(model)
        return setmetatable({ model = model }, Door)
    end
    function Door:Open()
        self.connection = self.model.Touched:Connect(function(hit) end)
    end
    function Door:Destroy()
        self.connection:Disconnect()
    end
    return Door
    """,
        path="src/Door.luau",
    )
    assert only_site(report).outcome is Outcome.PROVEN
    assert only_site(report).after_cleanup.original == 1  # Open twice, Destroy once


def test_a_test_case_moves_the_world_and_its_records_are_compared() -> None:
    service = """
    local Service = { price = %d }
    workspace.Shop.Opened:Connect(function(player) end)
    function Service:Price() return self.price end
    return Service
    """
    case = TestCase("the price", "world.join('Bob') world.record(service:Price()) world.fire(workspace.Shop.Opened)")
    same = validate(service % 5, service % 5, [case], path="src/Shop.luau")
    assert only_site(same).outcome is Outcome.PROVEN
    assert same.cases[0].passed
    other = validate(service % 5, service % 6, [case], path="src/Shop.luau")
    assert other.outcome is Outcome.CHANGED
    assert "the test case 'the price' runs" in other.differences[0]


def test_a_test_case_that_fails_after_migration_alone_is_named() -> None:
    service = "return { price = %d }"
    case = TestCase("the price", "assert(service.price == 5, 'too dear')")
    report = validate(service % 5, service % 6, [case], path="src/Shop.luau")
    assert (report.cases[0].original, report.cases[0].passed) == ("", False)
    assert "too dear" in report.cases[0].migrated
    assert report.outcome is Outcome.CHANGED


def test_a_test_case_that_does_not_compile_is_named() -> None:
    report = validate("return {}", None, [TestCase("broken", "local = 1")], path="src/Shop.luau")
    assert "Expected identifier" in report.cases[0].migrated


MODULE = """
local Signal = {}
Signal.__index = Signal
function Signal.new() return setmetatable({ handlers = {} }, Signal) end
function Signal:Connect(handler) table.insert(self.handlers, handler) return { Disconnect = function() end } end
function Signal:Fire(...) for _, handler in self.handlers do handler(...) end end
return Signal
"""


def test_modules_of_the_project_are_required_and_others_are_named() -> None:
    main = (
        SERVICES
        + """
    local Signal = require(script.Parent.Signal)
    local Data = require(game.ReplicatedStorage.Data)
    local opened = Signal.new()
    opened:Connect(function(door) end)
    Players.PlayerAdded:Connect(function(player)
        Data.load(player)
        opened:Fire(player)
    end)
    """
    )
    sources = {
        "src/Main.server.luau": Source("src/Main.server.luau", main.encode()),
        "src/Signal.luau": Source("src/Signal.luau", MODULE.encode()),
    }
    places = {
        "src/Main.server.luau": ("ServerScriptService", "Main"),
        "src/Signal.luau": ("ServerScriptService", "Signal"),
    }
    project = Project(sources, places)
    source = sources["src/Main.server.luau"]
    report = validate_migration(source, source.text, project=project, limits=LIMITS)
    assert report.unresolved == ("ReplicatedStorage.Data",)
    assert report.sites[1].outcome is Outcome.PROVEN
    dropped = source.text.replace(b"Data.load(player)", b"Data.save(player)")
    changed = validate_migration(source, dropped, project=project, limits=LIMITS)
    assert "the call of Data.load(Player Bob)" in changed.sites[1].reason


def test_cleaners_that_are_not_in_the_project_still_clean() -> None:
    report = validate("""
    local Trove = require(game.ReplicatedStorage.Packages.Trove)
    local troves = {}
    Players.PlayerAdded:Connect(function(player)
        local trove = Trove.new()
        troves[player] = trove
        trove:Connect(RunService.Heartbeat, function() end)
        trove:Add(RunService.Stepped:Connect(function() end))
    end)
    Players.PlayerRemoving:Connect(function(player)
        local trove = troves[player]
        if trove then trove:Destroy() end
    end)
    """)
    assert {site.outcome for site in report.sites} == {Outcome.PROVEN}
    assert report.after_players_left.original == 2


def test_what_a_thread_does_later_counts_for_the_connection_that_began_it() -> None:
    original = """
    Players.PlayerAdded:Connect(function(player)
        task.delay(1, function()
            print("welcome", player)
        end)
    end)
    """
    report = validate(original, original.replace("task.delay(1, ", "task.delay(1000, "))
    assert only_site(report).outcome is Outcome.CHANGED


@pytest.mark.parametrize("signals", ["Deferred", "Immediate"])
def test_events_arrive_as_asked(signals: Signals) -> None:
    text = (
        SERVICES
        + """
    local function after(how) end
    local event = Instance.new("BindableEvent")
    local mode = "Deferred"
    event.Event:Connect(function() mode = "Immediate" end)
    event:Fire()
    after(mode)
    """
    )
    source = Source("Mode.server.luau", text.encode())
    other = text.replace("after(mode)", f'after("{signals}")').encode()
    assert validate_migration(source, other, signals=signals, limits=LIMITS).outcome is Outcome.PROVEN
    wrong = "Immediate" if signals == "Deferred" else "Deferred"
    other = text.replace("after(mode)", f'after("{wrong}")').encode()
    assert validate_migration(source, other, signals=signals, limits=LIMITS).outcome is Outcome.CHANGED


def test_random_numbers_are_the_same_with_and_without_the_agent() -> None:
    original = """
    local function roll(n) end
    RunService.Heartbeat:Connect(function()
        roll(math.random())
        roll(Random.new():NextNumber())
    end)
    """
    migrated = original.replace(
        "RunService.Heartbeat:Connect(function()", "ConnectionUtils:Connect(RunService.Heartbeat, function()"
    ).replace("end)\n    ", 'end, "service:Dice", "Roll")\n    ')
    assert validate(original, migrated).outcome is Outcome.PROVEN
