"""A script written as the Lua table that load.lua reads."""

from __future__ import annotations

from bench.loader.script import TEXT_KINDS, Script, Slot, SlotKind, Template

# Template slots that load.lua fills for each request; every other slot is a number, rendered once a round.
LUA_NAMES = {SlotKind.SERVER: "SERVER", SlotKind.NOW: "NOW", SlotKind.NOW_MS: "NOW_MS"}


def script_to_lua(script: Script) -> str:
    """Lua source that returns the script as a table.

    A template is a list of strings (literals), `{base, step, width}` (numbers) and `{slot = NAME}` (texts); servers are
    the lines of a text.
    """
    fields = {
        "path": _template(script, script.path),
        "body": _template(script, script.body),
        "opening": _template(script, script.opening) if script.opening else "nil",
        "content_type": _string(script.content_type),
        "expected_status": str(script.expected_status),
        "first_seq": str(script.first_seq),
        "first_server": str(script.first_server),
        "lag": str(script.lag),
        "pause_ms": str(script.pause_ms),
        # One text: a table may name 65,536 constants.
        "servers": _string("\n".join(script.servers)),
    }
    return "return {\n" + "".join(f"  {name} = {value},\n" for name, value in fields.items()) + "}\n"


def _template(script: Script, template: Template) -> str:
    return "{" + ", ".join(_piece(script, piece) for piece in template.pieces) + "}"


def _piece(script: Script, piece: str | Slot) -> str:
    if isinstance(piece, str):
        return _string(piece)
    if piece.kind in TEXT_KINDS:
        return f'{{slot = "{LUA_NAMES[piece.kind]}"}}'
    base, step = script.line_of(piece)
    return f"{{{base}, {step}, {piece.width}}}"


def _string(text: str) -> str:
    """A Lua string literal; whatever is not plain ASCII becomes decimal escapes of its UTF-8 bytes."""
    return '"' + "".join(_escaped(byte) for byte in text.encode()) + '"'


def _escaped(byte: int) -> str:
    plain = ord(" ") <= byte <= ord("~") and byte not in b'"\\'
    return chr(byte) if plain else f"\\{byte:03d}"
