"""How games release connections: each dialect is seen, and so is its absence."""

import pytest

from migrator.model import Handle, Verdict
from tests.migrator.sources import analyse, site_of

RELEASED = {
    "local": "local c = {0}\ntask.wait(1)\nc:Disconnect()",
    "lower case": "local c = {0}\nc:disconnect()",
    "pcall": "local c = {0}\npcall(c.Disconnect, c)",
    "later": "local c = {0}\ntask.delay(5, function() c:Disconnect() end)",
    "given to task.delay": "local c = {0}\ntask.delay(5, c.Disconnect, c)",
    "own callback": "local c\nc = RunService.Heartbeat:Connect(function() c:Disconnect() end)",
    "returned function": "local c = {0}\nreturn function() c:Disconnect() end",
    "returned": "local c = {0}\nreturn c",
    "returned at once": "return {0}",
    "alias": "local c = {0}\nlocal d = c\nd:Disconnect()",
    "list": "local list = {{ {0} }}\nfor _, c in list do c:Disconnect() end",
    "pairs": "local list = {{}}\nlist.beat = {0}\nfor _, c in pairs(list) do c:Disconnect() end",
    "next": "local list = {{}}\nlist.beat = {0}\nfor _, c in next, list do c:Disconnect() end",
    "insert": "local list = {{}}\ntable.insert(list, {0})\nfor _, c in ipairs(list) do c:Disconnect() end",
    "length": "local list = {{}}\nlist[#list + 1] = {0}\nfor i = 1, #list do list[i]:Disconnect() end",
    "local into list": "local list = {{}}\nlocal c = {0}\ntable.insert(list, c)\nfor _, d in list do d:Destroy() end",
    "as a key": "local set = {{}}\nlocal c = {0}\nset[c] = true\nfor d in set do d:Disconnect() end",
    "helper": "local list = {{ {0} }}\ncleanup(list)",
    "nested": "local state = {{ conns = {{}} }}\nstate.conns.beat = {0}\nfor _, c in state.conns do c:Disconnect() end",
    "maid": "local maid = Maid.new()\nmaid:GiveTask({0})\nplayer.Destroying:Once(function() maid:DoCleaning() end)",
    "maid key": "local maid = Maid.new()\nmaid.beat = {0}\nreturn maid",
    "trove": "local trove = Trove.new()\ntrove:Connect(RunService.Heartbeat, print)\ntrove:AttachToInstance(player)",
    "janitor": 'local j = Janitor.new()\nj:Add({0}, "Disconnect")\ntask.delay(1, function() j:Cleanup() end)',
}


def per_player(body: str) -> str:
    """`body` in a PlayerAdded handler, where an unreleased heartbeat is a leak."""
    lines = body.format("RunService.Heartbeat:Connect(function() print(player) end)").replace("\n", "\n\t")
    head = 'local RunService = game:GetService("RunService")\n'
    return f"{head}game.Players.PlayerAdded:Connect(function(player)\n\t{lines}\nend)\n"


@pytest.mark.parametrize("body", RELEASED.values(), ids=RELEASED.keys())
def test_a_released_connection_is_managed(body: str) -> None:
    site = site_of(per_player(body), "RunService.Heartbeat")
    assert site.verdict is Verdict.MANAGED, site.reason


@pytest.mark.parametrize(
    "body",
    [
        "{0}",
        "local c = {0}",
        "local c = {0}\nprint(c)",
        "local c = {0}\nassert(c.Connected)",
        "local list = {{ {0} }}\nprint(#list)",
        "local list = {{}}\ntable.insert(list, {0})\ntable.clear(list)",
        "local c = {0}\nlocal d = other()\nd:Disconnect()",
        "local list, rest = {{ {0} }}, {{}}\nfor _, c in rest do c:Disconnect() end",
        "local maid = Maid.new()\nmaid:GiveTask({0})",
    ],
)
def test_an_unreleased_connection_is_a_leak(body: str) -> None:
    assert site_of(per_player(body), "RunService.Heartbeat").is_leak


CLASS = """
    local RunService = game:GetService("RunService")
    local Npc = {{}}
    Npc.__index = Npc
    function Npc.new(model)
        local self = setmetatable({{}}, Npc)
        {made}
        return self
    end
    function Npc:Destroy()
        {destroyed}
    end
    return Npc
"""


@pytest.mark.parametrize(
    ("made", "destroyed"),
    [
        ("self._beat = RunService.Heartbeat:Connect(print)", "self._beat:Disconnect()"),
        ("self._beat = RunService.Heartbeat:Connect(print)", "if self._beat then self._beat:Disconnect() end"),
        ("self.conns = { RunService.Heartbeat:Connect(print) }", "for _, c in self.conns do c:Disconnect() end"),
        ("self.conns = {}\nself.conns.beat = RunService.Heartbeat:Connect(print)", "Util.disconnectAll(self.conns)"),
        ("self._maid = Maid.new()\nself._maid:GiveTask(RunService.Heartbeat:Connect(print))", "self._maid:Destroy()"),
    ],
)
def test_a_field_that_destroy_releases_is_managed(made: str, destroyed: str) -> None:
    site = site_of(CLASS.format(made=made, destroyed=destroyed), "RunService.Heartbeat")
    assert site.verdict is Verdict.MANAGED
    assert site.handle in (Handle.FIELD, Handle.TABLE, Handle.MANAGER)


def test_a_sibling_field_that_is_released_says_nothing_of_this_one() -> None:
    made = "self.conns = {}\nself.conns.beat = RunService.Heartbeat:Connect(function() print(self) end)"
    text = CLASS.format(made=made, destroyed="self.conns.other:Disconnect()")
    assert site_of(text, "RunService.Heartbeat").is_leak


def test_a_destroyed_instance_takes_its_connections_along() -> None:
    text = """
        local function flash()
            local part = Instance.new("Part")
            part.Touched:Connect(function() print(part) end)
            game:GetService("Debris"):AddItem(part, 5)
        end
    """
    site = site_of(text, "part.Touched")
    assert (site.verdict, site.release and site.release.line) == (Verdict.MANAGED, 5)


def test_the_release_names_its_line() -> None:
    site = site_of("local c = a.Touched:Connect(print)\n\nc:Disconnect()", "a.Touched")
    assert site.release is not None
    assert (site.release.how, site.release.line) == ("disconnected", 3)


def test_a_wrapper_whose_callers_drop_the_handle_is_judged_as_if_it_dropped_it() -> None:
    text = """
        local RunService = game:GetService("RunService")
        local function every(callback)
            return RunService.Heartbeat:Connect(callback)
        end
        game.Players.PlayerAdded:Connect(function(player)
            every(function() print(player) end)
        end)
    """
    assert [site.is_leak for site in analyse(text).sites] == [True, False]


def test_a_release_of_another_connection_to_the_same_signal_is_not_this_one() -> None:
    text = """
        local RunService = game:GetService("RunService")
        local M = {}
        function M.fire(bullet)
            local lost = RunService.Heartbeat:Connect(function() print(bullet) end)
        end
        function M.fire2(bullet)
            local kept = RunService.Heartbeat:Connect(function() print(bullet) end)
            task.delay(5, function() kept:Disconnect() end)
        end
        return M
    """
    assert [site.is_leak for site in analyse(text).sites] == [True, False]


@pytest.mark.parametrize(("first", "lost"), [("self.beat:Disconnect()", False), ("self.speed = speed", True)])
def test_a_method_that_overwrites_the_constructors_connection_loses_it(first: str, lost: bool) -> None:
    text = CLASS.format(
        made="self.beat = RunService.Heartbeat:Connect(print)", destroyed="self.beat:Disconnect()"
    ).replace(
        "return Npc\n",
        f"function Npc:SetSpeed(speed)\n{first}\nself.beat = RunService.Stepped:Connect(print)\nend\nreturn Npc\n",
    )
    assert site_of(text, "RunService.Stepped").is_leak is lost
