"""Recommendations: one for each leak, the most urgent first."""

from migrator import generate_recommendations
from migrator.model import Helper, Severity
from tests.migrator.sources import analyse

TEXT = """
    local RunService = game:GetService("RunService")
    game.Players.PlayerAdded:Connect(function(player)
        player.Chatted:Connect(print)
        RunService.Heartbeat:Connect(function() print(player) end)
        RunService:BindToRenderStep("x", 1, function() print(player) end)
    end)
"""


def test_the_most_urgent_comes_first() -> None:
    found = generate_recommendations(analyse(TEXT))
    assert [one.severity for one in found] == [Severity.HIGH, Severity.HIGH, Severity.LOW, None]
    assert [one.helper for one in found] == [Helper.CONNECT, Helper.BY_HAND, Helper.CONNECT, Helper.WRAP_SERVICE]


def test_each_says_why_and_what_to_do() -> None:
    first = generate_recommendations(analyse(TEXT))[0]
    assert first.site is not None
    assert first.text.startswith(first.site.reason)
    assert "Register it" in first.text


def test_a_controller_is_to_be_enhanced() -> None:
    found = generate_recommendations(analyse(TEXT, "src/CameraController.luau"))
    assert found[-1].helper is Helper.ENHANCE_CONTROLLER


def test_where_nothing_leaks_there_is_nothing_to_do() -> None:
    assert generate_recommendations(analyse("workspace.ChildAdded:Connect(print)")) == ()
