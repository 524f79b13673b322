"""Edits of the original bytes: the call itself, the lines that require connmon, the clean-up of a class or service."""

import re

from tree_sitter import Node

from migrator.analyze import Study
from migrator.facts import Call, Function, Variable
from migrator.grammar import COMMENT, TABLE, strip
from migrator.instances import cleanup_method
from migrator.losses import Judged
from migrator.model import Edit, Site
from migrator.owners import ByHand, Owner

AGENT = 'require(game:GetService("ServerScriptService").connmon)'
_DIRECTIVE = re.compile(rb"\s*--!")


def quoted(text: str) -> str:
    """A text as Luau writes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def connect_edits(study: Study, judged: Judged, site: Site, owner: Owner, name: str) -> list[Edit]:
    """signal:Connect(callback) → ConnectionUtils:Connect(signal, callback, owner, name, kind). Raises ByHand."""
    connect = judged.connect
    if connect.signal is None or not _is_connect(connect.call.name, site.kind):
        return register_edits(study, judged, site, owner, name)
    call = connect.call.node
    callee, arguments = call.child_by_field_name("name"), call.child_by_field_name("arguments")
    assert callee is not None
    assert arguments is not None
    _refuse_comments(callee)
    source = study.facts.syntax.source.text
    if source[arguments.start_byte : arguments.start_byte + 1] != b"(" or not connect.call.method:
        return register_edits(study, judged, site, owner, name)
    why = f"{owner.text} owns the connection."
    after = connect.call.arguments[-1].end_byte
    return [
        Edit((call.start_byte, call.start_byte), b"ConnectionUtils:Connect(", site, why),
        Edit((connect.signal.end_byte, arguments.start_byte + 1), b", ", site, why),
        Edit((after, after), f', {owner.text}, {quoted(name)}, "{site.kind}"'.encode(), site, why),
    ]


def _is_connect(name: str, kind: str) -> bool:
    """Whether ConnectionUtils:Connect does the same; the engine's own signals know Connect as `connect` too."""
    return name == "Connect" or (name == "connect" and kind != "Custom")


def register_edits(study: Study, judged: Judged, site: Site, owner: Owner, name: str) -> list[Edit]:
    """call → ConnectionManager:RegisterConnection(owner, name, call, kind), for what connects by another method."""
    connect = judged.connect
    if connect.call.name == "BindToRenderStep" or connect.call.name in ("connect", "once"):
        raise ByHand("Keep the connection and disconnect it when its owner goes.")
    if site.handle_name or site.handle.value not in ("discarded",):
        raise ByHand("Register the connection that is kept, under its owner.")
    start, end = site.span
    why = f"{owner.text} owns the connection."
    before = f"ConnectionManager:RegisterConnection({owner.text}, {quoted(name)}, ".encode()
    return [
        Edit((start, start), before, site, why),
        Edit((end, end), f', "{site.kind}")'.encode(), site, why),
    ]


def _refuse_comments(callee: Node) -> None:
    if any(child.kind_id in COMMENT for child in callee.children):
        raise ByHand("A comment stands inside the call; move it, then run this again.")


# --- the lines that require connmon ----------------------------------------------------------------------------------


def require_edit(study: Study, needed: set[str], agent: str) -> Edit | None:
    """The lines that give the file ConnectionUtils and ConnectionManager, where they are not there yet."""
    source = study.facts.syntax.source.text
    missing = sorted(name for name in needed if not _declares(study, name))
    if not missing:
        return None
    for name in missing:
        if study.facts.declared.get(name):
            raise ByHand(f"The name {name} is taken by something else in this file.")
    newline = b"\r\n" if b"\r\n" in source else b"\n"
    cast = " :: any" if re.search(rb"\A(?:\s*--[^\n]*\n)*?--!strict", source) else ""
    if len(missing) == 1:
        lines = (
            f"local {missing[0]} = ({agent}{cast}).{missing[0]}"
            if cast
            else f"local {missing[0]} = {agent}.{missing[0]}"
        )
        text = lines.encode() + newline
    else:
        first = f"local connmon = {agent}{cast}".encode()
        second = b"local ConnectionManager, ConnectionUtils = connmon.ConnectionManager, connmon.ConnectionUtils"
        text = first + newline + second + newline
    at = _place_of_requires(study)
    before = b"" if at == 0 or source[at - 1 : at] == b"\n" else newline
    gap = newline if not source[at:].startswith((b"\n", b"\r\n")) and _begins_body(study, at) else b""
    return Edit((at, at), before + text + gap, None, "The agent's functions.")


def _declares(study: Study, name: str) -> bool:
    """Whether the file has the agent's `name` already."""
    held = [variable for variable in study.facts.chunk_locals if variable.name == name]
    return any("connmon" in study.facts.raw(variable.values[0].node) for variable in held)


def _statements(study: Study) -> list[Node]:
    return study.facts.syntax.tree.root_node.named_children


def _is_header(study: Study, node: Node) -> bool:
    text = study.facts.raw(node)
    return node.type == "variable_declaration" and ("GetService" in text or "require(" in text) and len(text) < 300


def _line_end(source: bytes, at: int) -> int:
    end = source.find(b"\n", at)
    return len(source) if end < 0 else end + 1


def _place_of_requires(study: Study) -> int:
    """After the services and requires that a file begins with; else after its first comments."""
    source = study.facts.syntax.source.text
    last: Node | None = None
    comments = 0
    for node in _statements(study):
        if node.type in ("comment", "hash_bang_line"):
            if last is None:
                comments = _line_end(source, node.end_byte)
                if _is_inside(_statements(study), comments):
                    comments = node.end_byte
            continue
        if not _is_header(study, node):
            break
        last = node
    if last is not None:
        end = _line_end(source, last.end_byte)
        rest = source[last.end_byte : end].strip()
        ends = (not rest or rest.startswith(b"--")) and not _is_inside(_statements(study), end)
        return end if ends else last.start_byte
    return comments if comments or not source.startswith(b"\xef\xbb\xbf") else 3


def _is_inside(nodes: list[Node], at: int) -> bool:
    """Whether a place is in the middle of one of them, such as a comment of several lines."""
    return any(node.start_byte < at < node.end_byte for node in nodes)


def _begins_body(study: Study, at: int) -> bool:
    return not any(_is_header(study, node) and node.start_byte >= at for node in _statements(study)[:40])


# --- cleaning up -----------------------------------------------------------------------------------------------------


def cleanup_edit(study: Study, class_: Variable) -> tuple[Edit | None, str]:
    """The line that ends what `self` owns, in the class's own clean-up, or a new Destroy. With it: a note, or ""."""
    method = cleanup_method(study, class_)
    source = study.facts.syntax.source.text
    newline = b"\r\n" if b"\r\n" in source else b"\n"
    line = b"ConnectionManager:DisconnectAllForOwner(self)"
    if method is not None:
        if line in source[method.start : method.end]:
            return None, ""
        at = _body_start(study, method)
        if at is None:
            return None, f"Call ConnectionManager:DisconnectAllForOwner(self) in {method.name}."
        indent = _indent_after(source, at)
        return Edit((at, at), newline + indent + line, None, f"{method.name} ends what the object owns."), ""
    if _may_have_destroy(study, class_):
        raise ByHand(f"End what an object owns where {class_.name} is destroyed: its Destroy cannot be told from here.")
    returned = _end(study, class_)
    if returned is None:
        raise ByHand(f"{class_.name} has no Destroy in which its connections could end; write one.")
    head = f"function {class_.name}.Destroy(self: any)".encode()
    text = head + newline + b"\t" + line + newline + b"end" + newline + newline
    edit = Edit((returned.start_byte, returned.start_byte), text, None, "A Destroy that ends what the object owns.")
    return edit, f"{class_.name} had no Destroy: call the new one when an object goes."


def _body_start(study: Study, method: Function) -> int | None:
    """The end of the line of a function's head."""
    parameters = method.node.child_by_field_name("parameters")
    body = method.node.child_by_field_name("body")
    if parameters is None or body is None:
        return None
    source = study.facts.syntax.source.text
    end = source.find(b"\n", parameters.end_byte)
    end -= source[end - 1 : end] == b"\r"
    between = parameters.end_byte <= end <= body.start_byte
    return end if between and not _is_inside(method.node.children, end) else None


def _indent_after(source: bytes, at: int) -> bytes:
    match = re.compile(rb"(?:\r?\n[ \t]*)*\r?\n([ \t]+)\S").match(source, at)
    return match[1] if match else b"\t"


def _may_have_destroy(study: Study, class_: Variable) -> bool:
    """Whether a new Destroy could take the place of one that is written in another way, or inherited."""
    facts, name = study.facts, re.escape(class_.name)
    if re.search(rf"\b{name}\s*[.:]\s*Destroy\b|\bDestroy\s*=[^=]|\[\s*[\"']Destroy[\"']\s*\]", facts.text):
        return True
    if not class_.values or strip(class_.values[0].node).kind_id not in TABLE:
        return True
    metatables = (
        call.arguments[1] for call in study.flow.calls_by_name.get("setmetatable", ()) if _is_given(call, class_)
    )
    return any(one.kind_id not in TABLE or "__index" in facts.raw(one) for one in map(strip, metatables))


def _is_given(call: Call, class_: Variable) -> bool:
    """Whether setmetatable is called with the class itself."""
    return len(call.arguments) == 2 and call.arguments[0].text == class_.name.encode("latin-1")


def _end(study: Study, table: Variable) -> Node | None:
    """The statement before which a module's table can still be added to: its return, or what freezes the table."""
    frozen = f"table.freeze({table.name})"
    found = next((node for node in _statements(study) if study.facts.raw(node).startswith(frozen)), None)
    return found or _final_return(study)


def _final_return(study: Study) -> Node | None:
    statements = [node for node in _statements(study) if node.type != "comment"]
    if statements and statements[-1].type == "return_statement":
        return statements[-1]
    return None


def wrap_edit(study: Study, service: Variable) -> Edit | None:
    """WrapService, or EnhanceController, before a module returns its table: its own Stop then cleans up."""
    source = study.facts.syntax.source.text
    if re.search(
        rb"(?:WrapService|EnhanceController|ManageService)\(" + re.escape(service.name.encode("latin-1")), source
    ):
        return None
    returned = _end(study, service)
    if returned is None:
        raise ByHand("The module returns its table in a way that cannot be wrapped here.")
    newline = b"\r\n" if b"\r\n" in source else b"\n"
    name = study.analysis.service_name
    verb = "EnhanceController" if name.endswith("Controller") else "WrapService"
    text = f"ConnectionUtils:{verb}({service.name}, {quoted(name)})".encode()
    return Edit((returned.start_byte, returned.start_byte), text + newline + newline, None, "Its own Stop cleans up.")
