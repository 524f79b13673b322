"""The leak shapes, and the ordinary code beside each that is none."""

import pytest

from migrator.model import Frequency, Severity, Shape, Verdict
from tests.migrator.sources import analyse, site_of

HEAD = """
local Players = game:GetService("Players")
local RunService = game:GetService("RunService")
local CollectionService = game:GetService("CollectionService")
"""


def judged(code: str, signal: str) -> tuple[Severity | None, Shape | None]:
    site = site_of(HEAD + code, signal)
    return site.severity, site.shape


@pytest.mark.parametrize(
    ("code", "signal", "severity", "shape"),
    [
        (
            "Players.PlayerAdded:Connect(function(p) RunService.Heartbeat:Connect(function() print(p) end) end)",
            "RunService.Heartbeat",
            Severity.HIGH,
            Shape.SHARED_SIGNAL,
        ),
        (
            "local function added(player) RunService.Heartbeat:Connect(function() print(player) end) end\n"
            "for _, player in Players:GetPlayers() do added(player) end",
            "RunService.Heartbeat",
            Severity.HIGH,
            Shape.SHARED_SIGNAL,
        ),
        (
            "Players.PlayerAdded:Connect(function(p) p.CharacterAdded:Connect(function(c)\n"
            'local hum = c:WaitForChild("Humanoid")\nhum.Died:Connect(function() print(p) end) end) end)',
            "hum.Died",
            Severity.MEDIUM,
            Shape.PER_CHARACTER,
        ),
        ("Players.PlayerAdded:Connect(function(p) p.Chatted:Connect(print) end)", "p.Chatted", Severity.LOW,
         Shape.NEVER_RELEASED),
        (
            'local button = script.Parent.Close\nlocal function openShop() button.Activated:Connect(print) end\n'
            "script.Parent.Open.Activated:Connect(openShop)",
            "button.Activated",
            Severity.MEDIUM,
            Shape.REPEATED,
        ),
        (
            "script.Parent.Animator.AnimationPlayed:Connect(function(track) track.Stopped:Connect(print) end)",
            "track.Stopped",
            Severity.MEDIUM,
            Shape.REPEATED,
        ),
        (
            "while true do\ntask.wait(1)\nworkspace.ChildAdded:Connect(print)\nend",
            "workspace.ChildAdded",
            Severity.HIGH,
            Shape.SHARED_SIGNAL,
        ),
        (
            'CollectionService:GetInstanceAddedSignal("Fan"):Connect(function(fan)\n'
            "RunService.Heartbeat:Connect(function() fan.Name = 'x' end) end)",
            "RunService.Heartbeat",
            Severity.HIGH,
            Shape.REPEATED,
        ),
        (
            "local held\nPlayers.PlayerAdded:Connect(function(p)\n"
            "held = RunService.Stepped:Connect(function() print(p) end)\nend)\n"
            "game:BindToClose(function() held:Disconnect() end)",
            "RunService.Stepped",
            Severity.HIGH,
            Shape.OVERWRITTEN,
        ),
        (
            'local ms = game:GetService("MessagingService")\n'
            "Players.PlayerAdded:Connect(function(p) ms:SubscribeAsync(p.Name, print) end)",
            "ms:SubscribeAsync",
            Severity.HIGH,
            Shape.SUBSCRIPTION,
        ),
        (
            "Players.LocalPlayer.CharacterAdded:Connect(function(c)\n"
            'RunService:BindToRenderStep("Lean", 1, function() print(c) end) end)',
            "RunService:BindToRenderStep",
            Severity.HIGH,
            Shape.UNBIND,
        ),
        (
            "local function preview()\nlocal part = Instance.new('Part')\n"
            "part.Touched:Connect(function() part.Parent = nil end)\nend",
            "part.Touched",
            Severity.MEDIUM,
            Shape.UNPARENTED,
        ),
        (
            "local function spawnCoin()\nlocal coin = Instance.new('Part')\n"
            "coin.Touched:Connect(function() coin.Transparency = 1 end)\ncoin.Parent = workspace\nend\n"
            "while true do task.wait(1) spawnCoin() end",
            "coin.Touched",
            Severity.LOW,
            Shape.SELF_CAPTURE,
        ),
        (
            "local diedOf = require(script.diedOf)\nPlayers.PlayerAdded:Connect(function(p)\n"
            "p.CharacterAdded:Connect(function(c) diedOf(c.Humanoid):Connect(print) end) end)",
            "diedOf(c.Humanoid)",
            Severity.LOW,
            Shape.PER_CHARACTER,
        ),
        (
            "local eventOf = require(script.eventOf)\nPlayers.PlayerAdded:Connect(function(p)\n"
            "eventOf('Round'):Connect(function() print(p) end) end)",
            "eventOf('Round')",
            Severity.HIGH,
            Shape.SHARED_SIGNAL,
        ),
        (
            "local Service = {}\nfunction Service:Start()\nself.a = Players.PlayerAdded:Connect(print)\n"
            "workspace.ChildAdded:Connect(print)\nend\nfunction Service:Stop() self.a:Disconnect() end\nreturn Service",
            "workspace.ChildAdded",
            Severity.MEDIUM,
            Shape.FORGOTTEN,
        ),
        (
            "local function wait(name, limit)\nlocal c\nc = Players.PlayerAdded:Connect(function(p)\n"
            "if p.Name == name then c:Disconnect() end end)\ntask.delay(limit, function() print('late') end)\nend\n"
            "script.Parent.Event:Connect(wait)",
            "Players.PlayerAdded",
            Severity.MEDIUM,
            Shape.TIME_OUT,
        ),
    ],
)  # fmt: skip
def test_a_leak_shape_is_named(code: str, signal: str, severity: Severity, shape: Shape) -> None:
    assert judged(code, signal) == (severity, shape)


@pytest.mark.parametrize(
    ("code", "signal"),
    [
        ("RunService.Heartbeat:Connect(print)", "RunService.Heartbeat"),
        ("Players.PlayerAdded:Connect(function(p) p.Chatted:Once(print) end)", "p.Chatted"),
        ("for i = 1, 4 do\nlocal lamp = workspace.Lamps[i]\nlamp.Changed:Connect(print)\nend", "lamp.Changed"),
        ("for _, d in workspace.Doors:GetChildren() do d.Touched:Connect(print) end", "d.Touched"),
        ("workspace.ChildAdded:Connect(function(c) c.Changed:Connect(print) end)", "c.Changed"),
        ("local M = {}\nfunction M.Init() RunService.Heartbeat:Connect(print) end\nreturn M", "RunService.Heartbeat"),
        ("local function row()\nlocal b = Instance.new('TextButton')\nb.Activated:Connect(print)\nb.Parent = gui\nend",
         "b.Activated"),
        ("local coins = {}\nlocal function spawnCoin()\nlocal coin = Instance.new('Part')\n"
         "coin.Touched:Connect(function() coin.Transparency = 1 end)\ncoin.Parent = workspace\n"
         "table.insert(coins, coin)\nend\nwhile true do task.wait(1) spawnCoin() end", "coin.Touched"),
        ("while true do\ntask.wait()\nlocal character = Players.LocalPlayer.Character\nif character ~= last then\n"
         "last = character\ncharacter.ChildAdded:Connect(print)\nend\nend", "character.ChildAdded"),
        ("local function entry()\nlocal row = Instance.new('Frame')\nrow.Parent = nil\n"
         "row.Changed:Connect(function() print(row) end)\nreturn row\nend", "row.Changed"),
        ("local M = {}\nfunction M.Panel()\nlocal text = 'x'\n"
         "workspace.ChildAdded:Connect(function() print(text) end)\nend\nreturn M", "workspace.ChildAdded"),
        ("task.spawn(function() RunService.Heartbeat:Connect(print) end)", "RunService.Heartbeat"),
        ("local T = {}\nT.__index = T\nfunction T.new() local self = setmetatable({}, T)\n"
         "RunService.Heartbeat:Connect(function() print(self) end)\nreturn self end\nreturn T.new()",
         "RunService.Heartbeat"),
        ("Players.PlayerAdded:Connect(function(p) p.CharacterAdded:Connect(function(c) c.Destroying:Connect(print) end)"
         " end)", "c.Destroying"),
    ],
)  # fmt: skip
def test_ordinary_code_is_no_leak(code: str, signal: str) -> None:
    assert site_of(HEAD + code, signal).verdict is Verdict.HARMLESS


@pytest.mark.parametrize(
    ("code", "frequency"),
    [
        ("a.Touched:Connect(print)", Frequency.ONCE),
        ("Players.PlayerAdded:Connect(function() a.Touched:Connect(print) end)", Frequency.PER_PLAYER),
        ("player.CharacterAdded:Connect(function() a.Touched:Connect(print) end)", Frequency.PER_CHARACTER),
        ("button.Activated:Connect(function() a.Touched:Connect(print) end)", Frequency.PER_CALL),
        ("RunService.Heartbeat:Connect(function() a.Touched:Connect(print) end)", Frequency.LOOP),
        ("while wait() do a.Touched:Connect(print) end", Frequency.LOOP),
        ("game:BindToClose(function() a.Touched:Connect(print) end)", Frequency.ONCE),
        ("repeat a.Touched:Connect(print) until done", Frequency.LOOP),
        ("while true do\nif ready then\na.Touched:Connect(print)\nreturn\nend\nwait()\nend", Frequency.ONCE),
        ("while wait() do\nif late then print() else a.Touched:Connect(print) break end\nend", Frequency.ONCE),
        ("while wait() do\nif late then break else a.Touched:Connect(print) end\nend", Frequency.LOOP),
        ("while wait() do\nfor _, a in all do\nif a then a.Touched:Connect(print) break end\nend\nend", Frequency.LOOP),
        ("local function show(p)\nif p == Players.LocalPlayer then a.Touched:Connect(print) end\nend\n"
         "Players.PlayerAdded:Connect(show)", Frequency.ONCE),
        ("local function show(p)\nif p == Players.LocalPlayer then print() else a.Touched:Connect(print) end\nend\n"
         "Players.PlayerAdded:Connect(show)", Frequency.PER_PLAYER),
        ("local function inner() a.Touched:Connect(print) end\nPlayers.PlayerAdded:Connect(function() inner() end)",
         Frequency.PER_PLAYER),
        ("local function f() a.Touched:Connect(print) end\nfor _, p in Players:GetPlayers() do task.spawn(f, p) end",
         Frequency.PER_PLAYER),
    ],
)  # fmt: skip
def test_how_often_a_site_runs_is_followed_through_functions(code: str, frequency: Frequency) -> None:
    assert site_of(HEAD + code, "a.Touched").frequency is frequency


def test_a_heartbeat_that_counts_the_time_itself_times_out() -> None:
    site = site_of(
        HEAD
        + """
        script.Parent.Event:Connect(function(part)
            local beat
            local left = 5
            beat = RunService.Heartbeat:Connect(function(delta)
                left -= delta
                if left < 0 then
                    beat:Disconnect()
                end
            end)
            task.delay(1, print)
        end)
        """,
        "RunService.Heartbeat",
    )
    assert site.verdict is Verdict.MANAGED


def test_code_in_a_test_file_is_no_finding() -> None:
    code = "game.Players.PlayerAdded:Connect(function(p) p.Chatted:Connect(print) end)"
    assert analyse(code, "tests/Combat.spec.luau").leaks == ()
    assert len(analyse(code).leaks) == 1


def test_every_verdict_has_a_reason_that_is_a_sentence() -> None:
    code = HEAD + "Players.PlayerAdded:Connect(function(p) p.Chatted:Connect(print) end)"
    for site in analyse(code).sites:
        assert site.reason.endswith(".")
        assert site.reason[0].isupper()


def test_coverage_is_the_share_of_sites_that_do_no_harm() -> None:
    analysis = analyse(HEAD + "Players.PlayerAdded:Connect(function(p) p.Chatted:Connect(print) end)")
    assert (len(analysis.sites), len(analysis.leaks), analysis.coverage) == (2, 1, 0.5)
    assert analyse("print(1)").coverage == 1.0


@pytest.mark.parametrize(
    ("code", "minutes"),
    [
        ("local a = = 1\nRunService.Heartbeat:Connect(print)", 0),
        ("if x then Players.PlayerAdded:Connect(function( end", 15),
        ("local a = = 1\nPlayers.PlayerAdded:Connect(function(p) p.Chatted:Connect(print) end)", 17),
    ],
)
def test_what_cannot_be_parsed_costs_time_only_where_connections_may_be(code: str, minutes: int) -> None:
    assert analyse(code).effort_minutes == minutes
