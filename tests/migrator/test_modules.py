"""What other modules of a project do counts: they call, and they release."""

import pytest

from migrator import analyze_service
from migrator.model import Project, Source, Verdict
from tests.migrator.sources import project

TRACKER = """
    local RunService = game:GetService("RunService")
    local Tracker = {}
    Tracker.__index = Tracker
    function Tracker.new(name)
        local self = setmetatable({}, Tracker)
        self.name = name
        RunService.Heartbeat:Connect(function() print(self.name) end)
        return self
    end
    return Tracker
"""


def leaks(known: Project, name: str) -> int:
    return len(analyze_service(known.sources[f"{name}.luau"], known).leaks)


def test_objects_that_a_module_makes_once_are_no_leak() -> None:
    main = "local Tracker = require(script.Parent.Tracker)\nlocal one = Tracker.new('one')\nreturn one"
    known = project(Tracker=TRACKER, Main=main)
    assert leaks(known, "Tracker") == 0
    assert len(analyze_service(known.sources["Tracker.luau"]).leaks) == 1  # alone nobody knows


def test_objects_that_a_module_makes_for_each_player_are() -> None:
    main = """
        local Tracker = require(script.Parent.Tracker)
        game.Players.PlayerAdded:Connect(function(player) Tracker.new(player.Name) end)
    """
    assert leaks(project(Tracker=TRACKER, Main=main), "Tracker") == 1


def test_a_function_given_to_an_event_in_another_module_runs_for_each_player() -> None:
    module = """
        local M = {}
        function M.watch(player)
            workspace.ChildAdded:Connect(function() print(player) end)
        end
        return M
    """
    main = "local M = require(script.Parent.Watch)\ngame.Players.PlayerAdded:Connect(M.watch)"
    known = project(Watch=module, Main=main)
    (site,) = analyze_service(known.sources["Watch.luau"], known).sites
    assert site.frequency.value == "per player"


KEEPER = """
    local Keeper = {}
    function Keeper.open(object)
        object.beat = workspace.ChildAdded:Connect(function() print(object) end)
    end
    return Keeper
"""


def test_a_handle_that_another_module_releases_is_managed() -> None:
    main = """
        local Keeper = require(script.Parent.Keeper)
        script.Parent.Event:Connect(function(object) Keeper.open(object) end)
        script.Parent.Closed:Connect(function(object) object.beat:Disconnect() end)
    """
    known = project(Keeper=KEEPER, Main=main)
    (site,) = analyze_service(known.sources["Keeper.luau"], known).sites
    assert site.verdict is Verdict.MANAGED


def test_a_module_that_is_not_related_releases_nothing() -> None:
    main = "script.Parent.Event:Connect(function(object) object.beat:Disconnect() end)"
    assert leaks(project(Keeper=KEEPER, Main=main), "Keeper") == 1


@pytest.mark.parametrize(
    "path",
    [
        "script.Parent.Tracker",
        'script.Parent:WaitForChild("Tracker")',
        'game:GetService("ServerScriptService").Tracker',
        'script.Parent["Tracker"]',
        '"./Tracker"',
    ],
)
def test_requires_are_followed_in_every_form(path: str) -> None:
    main = f"local Tracker = require({path})\nlocal one = Tracker.new('one')\nreturn one"
    assert leaks(project(Tracker=TRACKER, Main=main), "Tracker") == 0


def test_of_two_modules_of_one_name_the_nearer_is_meant() -> None:
    sources = {
        "a/Tracker.luau": ("a", "Tracker", TRACKER),
        "b/Tracker.luau": ("b", "Tracker", TRACKER),
        "a/Main.luau": ("a", "Main", "local T = require(script.Parent.Tracker)\nlocal Tracker = T\nreturn T.new('x')"),
    }
    known = Project(
        {path: Source(path, text.encode()) for path, (_, _, text) in sources.items()},
        {path: ("ServerScriptService", folder, name) for path, (folder, name, _) in sources.items()},
    )
    assert len(analyze_service(known.sources["a/Tracker.luau"], known).leaks) == 0
    assert len(analyze_service(known.sources["b/Tracker.luau"], known).leaks) == 1
