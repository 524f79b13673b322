"""From an upload to findings, in the real child process."""

from connmon.accounts.models import Game
from connmon.source.models import Finding, SourceFile
from tests.source.uploads import LEAK_LINE, analysed


def test_findings_stand_where_the_agent_says_that_connections_are_made(game: Game) -> None:
    upload = analysed(game)
    leak = Finding.objects.get(upload=upload, verdict="leak")
    assert (leak.site, leak.line, leak.service) == (
        f"ServerScriptService.CombatService:{LEAK_LINE}",
        LEAK_LINE,
        "CombatService",
    )
    assert (leak.signal, leak.severity, leak.shape) == ("RunService.Heartbeat", "high", "shared-signal")
    assert leak.reason
    assert leak.advice
    assert leak.outcome == "proven"
    assert (upload.managed, upload.harmless, upload.leaks, upload.unknown) == (1, 1, 1, 0)
    file = SourceFile.objects.get(upload=upload, path="src/server/CombatService.luau")
    assert "+			player:SetAttribute" not in file.patch
    assert "ConnectionUtils:Connect(RunService.Heartbeat" in file.patch
    assert file.outcome == "proven"
    assert upload.steps_done == upload.steps == 3
