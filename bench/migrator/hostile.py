"""Sources that were written to break an analyser: each must be answered or refused, in bounded time."""

import time

from migrator import analyze_service, generate_migrated_code
from migrator.model import Source, SourceRefused

DEEP = 100_000
CONNECT = b"game.RunService.Heartbeat:Connect(print)\n"
BOUND = 15.0  # seconds of processor time for one source

SOURCES: dict[str, bytes] = {
    "100,000 parentheses": b"local x = " + b"(" * DEEP + b"a.b:Connect(f)" + b")" * DEEP,
    "100,000 functions": b"f(function() " * DEEP + CONNECT + b"end) " * DEEP,
    "100,000 handlers": b"a.b:Connect(function() " * DEEP + b"end) " * DEEP,
    "100,000 tables": b"x = " + b"{" * DEEP + b"a.b:Connect(f)" + b"}" * DEEP,
    "100,000 members": b"a" + b".b" * DEEP + b":Connect(f)",
    "100,000 ifs": b"if a then " * DEEP + CONNECT + b"end " * DEEP,
    "100,000 sites": CONNECT * DEEP,
    "2,500 leaks": b"game.Players.PlayerAdded:Connect(function(player)\n" + CONNECT * 2500 + b"end)\n",
    "5,000 aliases": b"local c0 = a.b:Connect(f)\n" + b"".join(b"local c%d = c%d\n" % (n + 1, n) for n in range(5000)),
    "calls in circles": b"".join(
        b"local function f%d(x) f%d(x) f%d(x) x.Touched:Connect(f) end\n" % (n, (n + 1) % 300, (n + 7) % 300)
        for n in range(300)
    ),
    "10 MB": b"-- nothing\n" * 1_000_000,
    "comments never closed": b"--[[\n" * 400_000 + CONNECT,
    "strings never closed": b"[[\n" * 300_000 + CONNECT,
    "random bytes": bytes(range(32, 256)) * 2000 + CONNECT,
    "invalid UTF-8": b"local \xff\xfe = 1\n" + CONNECT,
    "bytecode": b"\x06\x03" + bytes(range(1, 255)),
    "a NUL": b"local a\0b\n" + CONNECT,
    "types 20,000 deep": b"type A = " + b"{ x: " * 20_000 + b"number" + b"}" * 20_000 + b"\n@\n" + CONNECT,
}


def is_contained(name: str, text: bytes, bound: float = BOUND) -> bool:
    """Whether a source is analysed and rewritten, or refused with a sentence, within the bound."""
    started = time.process_time()
    source = Source(f"{name}.luau", text)
    try:
        generate_migrated_code(source, analyze_service(source))
    except SourceRefused:
        pass
    except Exception as error:  # whatever else gets out is what this looks for
        print(f"  {name}: {type(error).__name__}: {error}")
        return False
    return time.process_time() - started < bound
