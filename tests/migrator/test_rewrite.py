"""The rewritten source: the smallest change that manages a site, and nothing where that cannot be told."""

import pytest

from migrator import analyze_service, generate_migrated_code
from migrator.model import Project, ServiceAnalysis, Source
from migrator.pieces import splice
from tests.migrator.sources import analyse, migrate, source

PER_PLAYER = """\
-- Combat.
local Players = game:GetService("Players")

Players.PlayerAdded:Connect(function(player)
	player.Chatted:Connect(function(text) -- what was said
		print(player, text)
	end)
end)
"""


def test_a_leak_is_given_to_the_player_and_everything_else_stays() -> None:
    assert migrate(PER_PLAYER).migrated.decode() == (
        """\
-- Combat.
local Players = game:GetService("Players")
local ConnectionUtils = require(game:GetService("ServerScriptService").connmon).ConnectionUtils

Players.PlayerAdded:Connect(function(player)
	ConnectionUtils:Connect(player.Chatted, function(text) -- what was said
		print(player, text)
	end, player, "CombatService.Chatted", "Player.Chatted")
end)
"""
    )


def test_signals_of_the_engine_know_connect_by_its_old_spelling_too() -> None:
    migrated = migrate(PER_PLAYER.replace(".Chatted:Connect", ".Chatted:connect")).migrated
    assert migrated == migrate(PER_PLAYER).migrated
    custom = migrate("""
        local Signal = require(script.Parent.Signal)
        local left = Signal.new()
        game.Players.PlayerAdded:Connect(function(player)
            left:connect(function() print(player) end)
        end)
    """)
    assert not custom.changed
    assert [note.text for note in custom.notes] == ["Keep the connection and disconnect it when its owner goes."]


def test_windows_line_ends_stay() -> None:
    migrated = migrate(PER_PLAYER.replace("\n", "\r\n")).migrated
    assert migrated.count(b"\r\n") == migrated.count(b"\n") == PER_PLAYER.count("\n") + 1


def test_a_byte_order_mark_and_odd_bytes_stay() -> None:
    text = b"\xef\xbb\xbf" + PER_PLAYER.encode().replace(b"what was said", b"\xe9\xff")
    given = Source("Combat.luau", text)
    migrated = generate_migrated_code(given, analyze_service(given)).migrated
    assert migrated.startswith(b"\xef\xbb\xbf-- Combat.")
    assert b"-- \xe9\xff\n" in migrated


def test_a_strict_file_gets_a_require_that_type_checks() -> None:
    migrated = migrate("--!strict\n" + PER_PLAYER).migrated
    assert b'(require(game:GetService("ServerScriptService").connmon) :: any).ConnectionUtils' in migrated


def test_another_way_to_require_the_agent_can_be_given() -> None:
    given = source(PER_PLAYER)
    migrated = generate_migrated_code(given, analyze_service(given), agent="require(script.Parent.connmon)").migrated
    assert b"local ConnectionUtils = require(script.Parent.connmon).ConnectionUtils\n" in migrated


def test_edits_spliced_into_the_original_give_the_migrated_source() -> None:
    migration = migrate(PER_PLAYER)
    pieces = [(edit.span, edit.replacement) for edit in migration.edits]
    assert splice(migration.original, pieces) == migration.migrated
    assert [edit.span for edit in migration.edits] == sorted(edit.span for edit in migration.edits)


def test_only_the_sites_of_the_analysis_are_touched() -> None:
    analysis = analyse(PER_PLAYER)
    none = ServiceAnalysis(analysis.path, analysis.service_name, (), (), analysis.complexity, 0, 1.0)
    migration = generate_migrated_code(source(PER_PLAYER), none)
    assert not migration.changed
    assert migration.edits == ()


def test_a_second_run_changes_nothing() -> None:
    once = migrate(PER_PLAYER).migrated.decode()
    assert not migrate(once).changed
    assert analyse(once).leaks == ()


CLASS = """
local RunService = game:GetService("RunService")
local Npc = {}
Npc.__index = Npc
function Npc.new(model)
	local self = setmetatable({}, Npc)
	RunService.Heartbeat:Connect(function() self:Think(model) end)
	return self
end
function Npc:Think(model)
	print(self, model)
end
"""


def test_an_object_owns_its_connection_and_its_destroy_ends_it() -> None:
    migrated = migrate(CLASS + "function Npc:Destroy()\n\tself.dead = true\nend\nreturn Npc\n").migrated.decode()
    assert 'end, self, "CombatService.Heartbeat", "RunService.Heartbeat")' in migrated
    assert "function Npc:Destroy()\n\tConnectionManager:DisconnectAllForOwner(self)\n\tself.dead = true\n" in migrated


def test_a_class_without_destroy_gets_one_and_a_note_says_so() -> None:
    migration = migrate(CLASS + "return Npc\n")
    assert (
        b"function Npc.Destroy(self: any)\n\tConnectionManager:DisconnectAllForOwner(self)\nend\n" in migration.migrated
    )
    assert any("Npc had no Destroy" in note.text for note in migration.notes)


def test_a_service_that_forgets_a_connection_is_wrapped() -> None:
    migrated = migrate("""
        local Players = game:GetService("Players")
        local LobbyService = {}
        function LobbyService:Start()
            self.added = Players.PlayerAdded:Connect(print)
            workspace.ChildAdded:Connect(print)
        end
        function LobbyService:Stop()
            self.added:Disconnect()
        end
        return LobbyService
    """).migrated
    assert b'ConnectionUtils:Connect(workspace.ChildAdded, print, self, "CombatService.ChildAdded"' in migrated
    assert migrated.index(b"ConnectionUtils:WrapService(LobbyService,") < migrated.index(b"return LobbyService")


def test_a_controller_is_enhanced() -> None:
    text = """
        local CameraController = {}
        function CameraController:Start()
            self.added = workspace.ChildAdded:Connect(print)
            workspace.ChildRemoved:Connect(print)
        end
        function CameraController:Stop()
            self.added:Disconnect()
        end
        return CameraController
    """
    migrated = migrate(text, "src/server/CameraController.luau").migrated
    assert b'ConnectionUtils:EnhanceController(CameraController, "CameraController")' in migrated


def test_players_who_are_here_and_come_are_one_call() -> None:
    migrated = migrate("""
        local Players = game:GetService("Players")
        local LobbyService = {}
        local function onPlayerAdded(player) print(player) end
        function LobbyService:Start()
            self.removing = Players.PlayerRemoving:Connect(print)
            Players.PlayerAdded:Connect(onPlayerAdded)
            for _, player in ipairs(Players:GetPlayers()) do
                task.spawn(onPlayerAdded, player)
            end
        end
        function LobbyService:Stop()
            self.removing:Disconnect()
        end
        return LobbyService
    """).migrated
    assert b"ConnectionUtils:SetupPlayerManagement(self, onPlayerAdded)\nend" in migrated
    assert b"GetPlayers" not in migrated


def test_a_players_characters_with_the_present_one_are_one_call() -> None:
    text = """
        local CombatService = {}
        local function onCharacter(character) print(character) end
        game.Players.PlayerAdded:Connect(function(player)
            player.CharacterAdded:Connect(onCharacter)
            if player.Character then
                onCharacter(player.Character)
            end
        end)
        return CombatService
    """
    migrated = migrate(text).migrated
    assert b"ConnectionUtils:SetupCharacterManagement(CombatService, player, onCharacter)\nend)" in migrated
    other = migrate(text.replace("onCharacter(player.Character)", "onCharacter(player.Character, true)")).migrated
    assert b"ConnectionUtils:Connect(player.CharacterAdded, onCharacter, player, " in other


def test_a_subscription_is_registered_as_it_is() -> None:
    migrated = migrate("""
        local messaging = game:GetService("MessagingService")
        game.Players.PlayerAdded:Connect(function(player)
            messaging:SubscribeAsync(player.Name, print)
        end)
    """).migrated
    before = b'ConnectionManager:RegisterConnection(player, "CombatService.SubscribeAsync", messaging:SubscribeAsync('
    assert before + b'player.Name, print), "MessagingService.SubscribeAsync")' in migrated


def test_a_heartbeat_for_a_character_ends_with_that_character() -> None:
    migrated = migrate("""
        local RunService = game:GetService("RunService")
        game.Players.PlayerAdded:Connect(function(player)
            player.CharacterAdded:Connect(function(character)
                RunService.Heartbeat:Connect(function() print(player, character) end)
            end)
        end)
    """).migrated
    assert b'character) end, character, "CombatService.Heartbeat"' in migrated
    assert b'end, player, "CombatService.CharacterAdded"' in migrated


def test_an_owner_that_may_be_missing_is_not_taken() -> None:
    text = """
        local Players = game:GetService("Players")
        script.Parent.Equipped:Connect(function()
            local player = Players:GetPlayerFromCharacter(script.Parent.Parent)
            workspace.ChildAdded:Connect(function() print(player) end)
        end)
    """
    migration = migrate(text)
    assert not migration.changed
    assert "its callback is about player" in migration.notes[0].text
    assert migrate(text.replace("Players:GetPlayerFromCharacter(script.Parent.Parent)", "script.Parent.Owner")).changed


def test_names_are_told_apart() -> None:
    migrated = migrate("""
        game.Players.PlayerAdded:Connect(function(player)
            player.Chatted:Connect(print)
            player.Chatted:Connect(warn)
        end)
    """).migrated
    assert b'"CombatService.Chatted"' in migrated
    assert b'"CombatService.Chatted2"' in migrated


@pytest.mark.parametrize(
    ("why", "code"),
    [
        ("the owner's end", "player.CharacterRemoving:Connect(function() print(player) end)"),
        ("cannot be seen", "player.Data.Thing:Connect(function() print(player) end)"),
        ("name of its own", "for i = 1, 3 do player.Chatted:Connect(function() print(player, i) end) end"),
        ("Clean the manager",
         "local maid = Maid.new()\nmaid:GiveTask(workspace.ChildAdded:Connect(function() print(player) end))"),
        ("A comment stands inside", "player --[[ who ]]\n.Chatted --[[ what ]]:Connect(print)"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_left_to_a_person_with_the_reason(why: str, code: str) -> None:
    migration = migrate(f"game.Players.PlayerAdded:Connect(function(player)\n{code}\nend)\n")
    assert not migration.changed
    assert [note for note in migration.notes if why in note.text], migration.notes


def test_client_code_is_not_touched() -> None:
    text = "game.Players.PlayerAdded:Connect(function(player) player.Chatted:Connect(print) end)\n"
    migration = migrate(text, "src/client/Chat.client.luau")
    assert not migration.changed
    assert "client" in migration.notes[0].text


@pytest.mark.parametrize("place", ["ReplicatedStorage", "ServerScriptService"])
def test_a_module_that_clients_see_is_not_touched(place: str) -> None:
    text = source(PER_PLAYER, "Chat.luau")
    known = Project({text.path: text}, {text.path: (place, "Chat")})
    migration = generate_migrated_code(text, analyze_service(text, known), known)
    assert migration.changed is (place == "ServerScriptService")
    assert not migrate(PER_PLAYER, "src/shared/Chat.luau").changed
    assert migrate(PER_PLAYER, "src/shared/Chat.server.luau").changed
    assert migrate(PER_PLAYER, "src/shared/ServerScriptService/Chat.luau").changed


def test_nothing_beside_a_parse_error_is_changed() -> None:
    broken = "local function broken(player)\n\tlocal x = = 1\n\tplayer.Chatted:Connect(print)\nend\n"
    text = f"{PER_PLAYER}\n{broken}\ngame.Players.PlayerAdded:Connect(broken)\n"
    migration = migrate(text)
    assert broken.encode() in migration.migrated
    assert any("could not be parsed" in note.text for note in migration.notes)
    assert b"ConnectionUtils:Connect(player.Chatted" in migration.migrated


def test_a_file_that_uses_the_names_for_something_else_is_left_alone() -> None:
    migration = migrate("local ConnectionUtils = {}\nprint(ConnectionUtils)\n" + PER_PLAYER)
    assert not migration.changed
    assert "ConnectionUtils is taken" in migration.notes[0].text


def test_a_file_that_requires_the_agent_already_is_not_given_it_twice() -> None:
    line = 'local ConnectionUtils = require(game:GetService("ServerScriptService").connmon).ConnectionUtils\n'
    migrated = migrate(line + PER_PLAYER).migrated
    assert migrated.count(b"connmon") == 1
    assert b"ConnectionUtils:Connect(player.Chatted" in migrated
