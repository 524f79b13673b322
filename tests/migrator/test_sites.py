"""What is a connection, and what only looks like one."""

import pytest

from migrator.model import CallbackForm, Handle
from tests.migrator.sources import analyse, only_site


@pytest.mark.parametrize(
    "code",
    [
        'database:Connect("postgres://localhost")',
        "socket:Connect(host .. path, 80)",
        "server:Connect({ Port = 80 })",
        "game.Players.PlayerAdded:Wait()",
        "-- game.Players.PlayerAdded:Connect(print)",
        "--[[ game.Players.PlayerAdded:Connect(print) ]]",
        "local text = 'game.Players.PlayerAdded:Connect(print)'",
        "local text = [[ game.Players.PlayerAdded:Connect(print) ]]",
        "local text = `signal:Connect(callback)`",
        "remote.OnServerInvoke:Connect(print)",
        "function Signal:Connect(callback) return callback end",
        "game:Connect(print)",
    ],
)
def test_a_false_friend_is_no_site(code: str) -> None:
    assert analyse(code).sites == ()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("game.Players.PlayerAdded:Connect(print)", "Players.PlayerAdded"),
        ('game:GetService("RunService").Heartbeat:Connect(print)', "RunService.Heartbeat"),
        ("part.Touched:connect(print)", "BasePart.Touched"),
        ("workspace.ChildAdded:ConnectParallel(print)", "Instance.ChildAdded"),
        ("humanoid.Died:Once(print)", "Humanoid.Died"),
        ('part:GetPropertyChangedSignal("Name"):Connect(print)', "Instance.GetPropertyChangedSignal"),
        ('events["OnServerEvent"]:Connect(print)', "RemoteEvent.OnServerEvent"),
        ("(part :: any).Touched:Connect(print)", "BasePart.Touched"),
        ("part.Touched.Connect(part.Touched, print)", "BasePart.Touched"),
        ("self.Changed2:Connect(print)", "Custom"),
        ('run:BindToRenderStep("Camera", 1, print)', "RunService.BindToRenderStep"),
        ('messaging:SubscribeAsync("topic", print)', "MessagingService.SubscribeAsync"),
        ('local light = game:GetService("Lighting")\nlight.LightingChanged:Connect(print)', "Lighting.LightingChanged"),
        ("workspace.Something:Connect(print)", "Workspace.Something"),
    ],
)
def test_a_site_has_the_kind_of_its_signal(code: str, kind: str) -> None:
    assert only_site(code).kind == kind


@pytest.mark.parametrize(
    ("code", "handle", "name"),
    [
        ("a.Touched:Connect(print)", Handle.DISCARDED, ""),
        ("local _ = a.Touched:Connect(print)", Handle.DISCARDED, ""),
        ("local touched = a.Touched:Connect(print)", Handle.LOCAL, "touched"),
        ("local x, touched = 1, a.Touched:Connect(print)", Handle.LOCAL, "touched"),
        ("self.touched = a.Touched:Connect(print)", Handle.FIELD, "self.touched"),
        ("connections[player] = a.Touched:Connect(print)", Handle.TABLE, "connections[]"),
        ("table.insert(connections, a.Touched:Connect(print))", Handle.TABLE, "connections[]"),
        ("local all = { touched = a.Touched:Connect(print) }", Handle.TABLE, "all.touched"),
        ("return a.Touched:Connect(print)", Handle.RETURNED, ""),
        ("keep(a.Touched:Connect(print))", Handle.ARGUMENT, ""),
        ("maid:GiveTask(a.Touched:Connect(print))", Handle.MANAGER, "maid"),
        ("maid.touched = a.Touched:Connect(print)", Handle.MANAGER, "maid"),
        ("trove:Connect(a.Touched, print)", Handle.MANAGER, "trove"),
        ("held = (held or a.Touched:Connect(print)) :: any", Handle.LOCAL, "held"),
        ("hooks:connect(a.Touched:connect(print))", Handle.ARGUMENT, ""),
    ],
)
def test_a_site_says_where_its_handle_goes(code: str, handle: Handle, name: str) -> None:
    site = only_site(code)
    assert (site.handle, site.handle_name) == (handle, name)


@pytest.mark.parametrize(
    ("callback", "form"),
    [
        ("function() end", CallbackForm.INLINE),
        ("onTouched", CallbackForm.NAME),
        ("self.onTouched", CallbackForm.METHOD),
        ("bind(self, onTouched)", CallbackForm.MADE),
    ],
)
def test_a_site_says_how_its_callback_is_written(callback: str, form: CallbackForm) -> None:
    assert only_site(f"part.Touched:Connect({callback})").callback is form


def test_line_and_column_are_those_of_the_method_in_a_long_chain() -> None:
    site = only_site("game.Players\n\t.PlayerAdded\n\t:Connect(print)")
    assert (site.line, site.column) == (3, 3)


def test_offsets_count_bytes() -> None:
    text = "-- ünïcödé\nlocal s = 'é'; part.Touched:Connect(print)\n"
    start, end = only_site(text).span
    assert text.encode()[start:end] == b"part.Touched:Connect(print)"


def test_captures_are_the_locals_of_functions_around_the_callback() -> None:
    site = only_site("""
        local total = 0
        local function watch(player, score)
            local name = player.Name
            part.Touched:Connect(function(hit)
                total += score
                print(name, hit)
            end)
        end
    """)
    assert site.captures == ("score", "name")


def test_a_fingerprint_outlives_lines_that_move() -> None:
    code = "local function watch(part)\n\tpart.Touched:Connect(print)\nend\n"
    assert only_site(code).fingerprint == only_site("-- a line\n\n" + code).fingerprint


def test_equal_sites_have_fingerprints_of_their_own() -> None:
    first, second = analyse("part.Touched:Connect(print)\npart.Touched:Connect(print)").sites
    assert first.fingerprint != second.fingerprint
