"""Rewrites that would take something away: names given twice, a Destroy written over, a text that ends too soon."""

import pytest

from migrator.model import Source
from migrator.validate.compiling import compile_problem
from migrator.validate.sandbox import Limits
from tests.migrator.sources import migrate

CHARACTERS = """
    local Players = game:GetService("Players")
    local CombatService = {}
    local function one(character) print("one", character) end
    local function two(character) print("two", character) end
    local function onPlayer(player)
        player.CharacterAdded:Connect(one)
        if player.Character then one(player.Character) end
        player.CharacterAdded:Connect(two)
        if player.Character then two(player.Character) end
        player.CharacterAdded:Connect(function(character) print("three", player, character) end)
    end
    function CombatService.Start()
        Players.PlayerAdded:Connect(onPlayer)
        for _, player in Players:GetPlayers() do onPlayer(player) end
    end
    return CombatService
"""


def test_a_helper_that_names_its_connections_itself_stands_once_for_an_owner() -> None:
    migrated = migrate(CHARACTERS).migrated.decode()
    assert migrated.count("SetupCharacterManagement(") == 1
    assert migrated.count('"CombatService.CharacterAdded"') == 0  # the helper's own name
    assert '"CombatService.CharacterAdded2"' in migrated
    assert '"CombatService.CharacterAdded3"' in migrated
    players = migrate("""
        local Players = game:GetService("Players")
        local CombatService = {}
        local function one(player) print("a", player) end
        local function two(player) print("b", player) end
        function CombatService:StartRound()
            Players.PlayerAdded:Connect(one)
            for _, player in Players:GetPlayers() do one(player) end
        end
        function CombatService:OpenShop()
            Players.PlayerAdded:Connect(two)
            for _, player in Players:GetPlayers() do two(player) end
        end
        return CombatService
    """).migrated.decode()
    assert players.count("SetupPlayerManagement(") == 1
    assert players.count("for _, player in Players:GetPlayers() do two(player) end") == 1


@pytest.mark.parametrize(
    "destroy",
    [
        "function Pet.Destroy(pet) pet.model:Destroy() end",
        "Pet.Destroy = function(pet) pet.model:Destroy() end",
        "Pet.Destroy = require(script.Parent.destroyPet)",
        "Pet.Destroy, Pet.Hide = unpack(methods)",
        'Pet["Destroy"] = function(pet) pet.model:Destroy() end',
    ],
)
def test_a_destroy_that_is_there_is_never_written_over(destroy: str) -> None:
    migration = migrate(PET.replace("-- here", destroy))
    assert migration.migrated.decode().count("DisconnectAllForOwner") == 0
    assert "function Pet.Destroy(self: any)" not in migration.migrated.decode()


@pytest.mark.parametrize(
    "head",
    [
        "local Pet = { Destroy = function(pet) pet.model:Destroy() end }",
        "local Pet = setmetatable({}, require(script.Parent.Animal))",
        "local Pet = setmetatable({}, { __index = require(script.Parent.Animal) })",
        "local Pet = table.clone(require(script.Parent.Animal))",
    ],
)
def test_a_destroy_that_comes_from_elsewhere_is_never_hidden(head: str) -> None:
    migration = migrate(PET.replace("local Pet = {}", head))
    assert "function Pet.Destroy(self: any)" not in migration.migrated.decode()
    assert migration.notes


PET = """
    local RunService = game:GetService("RunService")
    local Pet = {}
    Pet.__index = Pet
    function Pet.new()
        local self = setmetatable({}, Pet)
        RunService.Heartbeat:Connect(function() self:Update() end)
        return self
    end
    function Pet:Update() end
    -- here
    return Pet
"""


def test_a_class_without_a_destroy_still_gets_one() -> None:
    assert b"function Pet.Destroy(self: any)" in migrate(PET).migrated


@pytest.mark.parametrize(
    "calls",
    [
        "onValue(player, player.leaderstats.Coins) onValue(player, player.leaderstats.Gems)",
        "for _, value in player.leaderstats:GetChildren() do onValue(player, value) end",
    ],
)
def test_a_function_called_twice_for_one_player_is_left_to_its_author(calls: str) -> None:
    migration = migrate(
        """
        local Players = game:GetService("Players")
        local function onValue(player, value)
            value.Changed:Connect(function(new) print(player, new) end)
        end
        Players.PlayerAdded:Connect(function(player)
            CALLS
        end)
        """.replace("CALLS", calls)
    )
    assert not migration.changed
    assert [note.text for note in migration.notes] == [
        "onValue runs more than once for the same player: give each connection a name of its own."
    ]


def test_a_function_called_once_in_each_place_is_rewritten() -> None:
    migration = migrate("""
        local Players = game:GetService("Players")
        local function onCharacter(player, character)
            character.Humanoid.Died:Connect(function() print(player) end)
        end
        local function onPlayer(player)
            if player.Character then onCharacter(player, player.Character) end
        end
        Players.PlayerAdded:Connect(function(player)
            player.CharacterAdded:Connect(function(character) onCharacter(player, character) end)
            onPlayer(player)
        end)
        for _, player in Players:GetPlayers() do onPlayer(player) end
    """)
    assert b'"CombatService.Died"' in migration.migrated
    assert not migration.notes


def test_a_method_called_twice_with_other_callbacks_is_left_to_its_author() -> None:
    migration = migrate("""
        local RunService = game:GetService("RunService")
        local Pet = {}
        Pet.__index = Pet
        function Pet.new()
            local self = setmetatable({}, Pet)
            self:Every(function() print("a") end)
            self:Every(function() print("b") end)
            return self
        end
        function Pet:Every(callback)
            RunService.Heartbeat:Connect(callback)
        end
        function Pet:Destroy()
            print("bye")
        end
        return Pet
    """)
    assert not migration.changed
    assert migration.notes


@pytest.mark.parametrize("attribute", ["""'say "hi"'""", "[[two\nlines]]", r"'a\\'", r"'a\"b'"])
def test_an_attribute_of_any_name_leaves_a_source_that_compiles(attribute: str) -> None:
    migration = migrate(
        """
        game.Players.PlayerAdded:Connect(function(player)
            player:GetAttributeChangedSignal(ATTRIBUTE):Connect(function() print(player) end)
        end)
        """.replace("ATTRIBUTE", attribute)
    )
    assert migration.changed
    assert compile_problem(Source("a.luau", migration.migrated), Limits()) == ""


def test_a_file_of_any_name_leaves_a_source_that_compiles() -> None:
    text = "game.Players.PlayerAdded:Connect(function(p) p.Chatted:Connect(function() print(p) end) end)"
    migration = migrate(text, path='src/server/The "Best"\\.server.luau')
    assert migration.changed
    assert compile_problem(Source("a.luau", migration.migrated), Limits()) == ""


def test_a_service_is_wrapped_before_it_is_frozen() -> None:
    migrated = migrate("""
        local RunService = game:GetService("RunService")
        local CombatService = {}
        function CombatService.Toggle()
            RunService.Heartbeat:Connect(function() CombatService.Update() end)
        end
        function CombatService.Update() end
        table.freeze(CombatService)
        return CombatService
    """).migrated
    assert 0 < migrated.index(b"WrapService(") < migrated.index(b"table.freeze(")


def test_a_class_gets_its_destroy_before_it_is_frozen() -> None:
    migrated = migrate(PET.replace("-- here", "table.freeze(Pet)")).migrated
    assert 0 < migrated.index(b"function Pet.Destroy(") < migrated.index(b"table.freeze(")


def test_a_name_that_an_earlier_run_gave_is_not_given_again() -> None:
    first = migrate("""
        local RunService = game:GetService("RunService")
        game.Players.PlayerAdded:Connect(function(player)
            RunService.Heartbeat:Connect(function() print(player) end)
            -- here
        end)
    """).migrated
    again = first.replace(b"-- here", b"RunService.Heartbeat:Connect(function() print(2, player) end)")
    migrated = migrate(again.decode()).migrated
    assert migrated.count(b'"CombatService.Heartbeat"') == 1
    assert migrated.count(b'"CombatService.Heartbeat2"') == 1


@pytest.mark.parametrize(
    "first",
    [
        'local Players = game:GetService("Players") --[[ the players\n of this game ]]',
        "--[[ first ]] print(\n1)",
        "--[[ first ]] --[[ second\n]] print(1)",
    ],
)
def test_no_comment_swallows_the_lines_that_require_connmon(first: str) -> None:
    connect = "game.Players.PlayerAdded:Connect(function(p) p.Chatted:Connect(function() print(p) end) end)"
    migrated = migrate(f"{first}\n{connect}\n").migrated
    assert compile_problem(Source("a.luau", migrated), Limits()) == ""
    line = b'local ConnectionUtils = require(game:GetService("ServerScriptService").connmon).ConnectionUtils\n'
    assert migrated.count(line) == 1
    assert migrated.rfind(b"--[[", 0, migrated.index(line)) <= migrated.rfind(b"]]", 0, migrated.index(line))


@pytest.mark.parametrize("head", ["function Pet:Destroy() --[[ the\n end ]]", "function Pet:Destroy(): (\n boolean\n)"])
def test_a_head_over_several_lines_is_left_to_its_author(head: str) -> None:
    migration = migrate(PET.replace("-- here", f"{head}\n    return true\n    end"))
    assert b"DisconnectAllForOwner" not in migration.migrated
    assert "Call ConnectionManager:DisconnectAllForOwner(self) in Pet:Destroy." in [one.text for one in migration.notes]


def test_another_self_than_the_methods_owns_nothing() -> None:
    migration = migrate("""
        local RunService = game:GetService("RunService")
        local Pet = {}
        Pet.__index = Pet
        function Pet:Update()
            each(function(self)
                RunService.Stepped:Connect(function() print(self) end)
            end)
        end
        function Pet:Destroy()
            print("bye")
        end
        return Pet
    """)
    assert not migration.changed
    assert [note.text for note in migration.notes] == [
        "Here self is something else than in the method around it; register it by hand."
    ]
