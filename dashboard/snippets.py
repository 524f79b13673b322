"""First reports to copy: curl, Luau and Python, filled in with this address and, once, with a fresh key."""

from typing import Final

from msgspec import Struct

PLACEHOLDER: Final = "YOUR_KEY"


class Snippet(Struct, frozen=True):
    """One way to send a first report. `id` names its tab."""

    id: str
    name: str
    hint: str
    code: str


# The shell puts the time in: the quotes end before $NOW and begin again after it.
CURL: Final = """NOW=$(date +%s)
curl -i ADDRESS \\
  -H 'Authorization: Bearer KEY' \\
  -H 'Content-Type: application/json' \\
  -d '{"kind": "report", "v": 1, "seq": 1, "sent_at": '$NOW', "interval": 30, "players": 1,
    "server": {"id": "first-try", "boot": "curl-'$NOW'", "agent": "curl/1"},
    "services": [{"name": "HelloService", "live": 1, "opened": 1, "closed": 0}],
    "opened": [{"id": 1, "service": "HelloService", "owner": "service:HelloService",
      "owner_kind": "service", "name": "Tick", "type": "Heartbeat", "at": '$NOW',
      "site": "HelloService:1"}],
    "snapshot": {"part": 1, "of": 1}}'
"""

# The agent: it reports by itself from then on. In a published game the key comes from GetSecret.
LUAU: Final = """local connmon = require(game:GetService("ServerScriptService").connmon)

connmon.start({
    Url = "BASE",
    Key = "KEY", -- in a published game: game:GetService("HttpService"):GetSecret("connmon")
})
connmon.ConnectionManager:ConnectHeartbeat(function() end, 1, "service:HelloService")
"""

# The agent in a server's loop; Ctrl-C ends it as a server should end.
PYTHON: Final = """import time
from connmon_agent import Agent, ConnectionManager, Host, HttpTransport, ServerInfo, Signal

heartbeat = Signal()
manager = ConnectionManager(Host(ServerInfo("first-try"), heartbeat=heartbeat))
agent = Agent(manager, HttpTransport("BASE", "KEY"))
manager.connect_heartbeat(lambda elapsed: None, 1, "service:HelloService")

try:
    while True:
        time.sleep(0.05)
        heartbeat.fire(0.05)
        agent.step()
except KeyboardInterrupt:
    agent.close()
"""

# What CI has checked out, as one archive; the version is what publishing the place answered.
SOURCE: Final = """git archive --format=zip HEAD | curl -fsS --data-binary @- \\
  -H 'Authorization: Bearer YOUR_KEY' \\
  -H 'Content-Type: application/zip' \\
  'BASEapi/v1/source?place_version=143'
"""


def snippets(base_url: str, key: str | None) -> list[Snippet]:
    """`base_url` ends with a slash; without a key a placeholder stands in its place."""
    address = f"{base_url}api/v1/reports"

    def fill(code: str) -> str:
        code = code.replace("ADDRESS", address).replace("BASE", base_url.rstrip("/"))
        return code.replace("KEY", key or PLACEHOLDER)

    return [
        Snippet("curl", "curl", "In a terminal.", fill(CURL)),
        Snippet(
            "luau",
            "Luau",
            "In a server Script, with HTTP requests allowed and a ModuleScript connmon in ServerScriptService: "
            "the Wally package, or this file pasted into it:",
            fill(LUAU),
        ),
        Snippet("python", "Python", "After pip install ./agents/python in connmon's folder.", fill(PYTHON)),
    ]


def source_snippet(base_url: str) -> str:
    """The line with which CI uploads what it has checked out; `base_url` ends with a slash."""
    return SOURCE.replace("BASE", base_url)
