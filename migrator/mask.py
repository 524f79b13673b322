"""Luau syntax that the grammar does not know, replaced by syntax it knows, byte for byte of the same length.

Only what the analysis does not need is lost: attributes, type packs, explicit type arguments. Strings and comments are
left alone. Offsets stay, so that edits found in the masked code fit the original.
"""

import re
from collections import deque
from collections.abc import Callable

# Long brackets, comments and strings first, so that nothing inside them is taken for code.
_OPAQUE = re.compile(
    rb"--\[(=*)\[.*?(?:\]\1\]|\Z)|--[^\n]*|\[(=*)\[.*?(?:\]\2\]|\Z)"
    rb"|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`",
    re.DOTALL,
)

_Replace = Callable[[re.Match[bytes]], bytes]


def _blank(match: re.Match[bytes]) -> bytes:
    return re.sub(rb"[^\n\r]", b" ", match[0])


def _blank_group(match: re.Match[bytes]) -> bytes:
    start, end = match.start(1) - match.start(), match.end(1) - match.start()
    return match[0][:start] + re.sub(rb"[^\n\r]", b" ", match[1]) + match[0][end:]


def _with(text: bytes) -> _Replace:
    def replace(match: re.Match[bytes]) -> bytes:
        start, end = match.start(1) - match.start(), match.end(1) - match.start()
        return match[0][:start] + text + match[0][end:]

    return replace


_RULES: tuple[tuple[re.Pattern[bytes], _Replace], ...] = (
    (re.compile(rb"@\[[^\]]*\]|@[A-Za-z_]\w*"), _blank),  # attributes
    (re.compile(rb"\b(export)\s+(?:local|const|function)\b"), _blank_group),
    (re.compile(rb"(?<![.:\w])(const)(?=\s+[A-Za-z_])"), _with(b"local")),
    (re.compile(rb"(?:\bexport\s+)?(?<![.:\w])type(?=\s+function\b)"), _blank),
    (re.compile(rb"<<[^<>()]*(?:<[^<>]*>[^<>()]*)*>>(?=\s*\()"), _blank),  # explicit instantiation
    (re.compile(rb"(?<=\w)(\.\.\.)(?!\.)"), _blank_group),  # type packs: T...
    (re.compile(rb"(?<=[=:(,|&{>])\s*(<[\w\s,.=]*>)(?=\s*\()"), _blank_group),  # generic function types
    (re.compile(rb"\btype\s+\w+\s*<[^=<>]*?(=\s*[\w.]+\s*)(?=[,>])"), _blank_group),  # a default in a generic list
    (re.compile(rb"(?<=[=:(,<{>])\s*([|&])(?!=)"), _blank_group),  # leading | and &
    (re.compile(rb"(?<=[{,;])\s*\b(read|write)(?=\s+[A-Za-z_]\w*\s*:|\s*\[)"), _blank_group),
    (re.compile(rb"\bfor\s+\w+\s*(:[^=\n]{0,200}?)(?==)(?!==)"), _blank_group),  # for i: number = 1, 2
    (re.compile(rb"(?<=\))(\?)"), _blank_group),  # typeof(f())?
    (re.compile(rb"(?:[&|:<?(]|->)\s*\btypeof\s*(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))"), _blank_group),
    (re.compile(rb"(?<![.:\w])(export)(?!\s+(?:type|local|function|const)\b)\b"), _with(b"_xport")),  # a variable
    (re.compile(rb"(?<![\w.])(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|\d[\d_]*)(i)\b"), _blank_group),
    (re.compile(rb"(?<![\w.])0[xXbB](_)"), _with(b"0")),
    (re.compile(rb"\blocal\s+typ(e)\b(?!\s*function)"), _with(b"_")),
)

_TYPE_BRACE = re.compile(rb"(?:[^:]:|::|->|[|&?<]|\btype\s+\w+(?:\s*<[^=]*>)?\s*=)\s*\Z")


def mask_modern_syntax(code: bytes) -> bytes:
    """`code` with modern syntax replaced; same length, same lines. Unchanged when there is nothing to replace."""
    veiled = _OPAQUE.sub(lambda match: re.sub(rb"[^\n\r]", b"\x01", match[0]), code)
    masked = veiled
    for pattern, replace in _RULES:
        masked = pattern.sub(replace, masked)
    masked = _commas_in_table_types(masked)
    if masked == veiled:
        return code
    return _unveil(masked, code)


def _unveil(masked: bytes, code: bytes) -> bytes:
    """Puts strings and comments back where they were veiled."""
    parts: list[bytes] = []
    end = 0
    for match in _OPAQUE.finditer(code):
        kept = masked.startswith(b"\x01", match.start())  # else a rule blanked what it stood in
        parts += (masked[end : match.start()], match[0] if kept else masked[match.start() : match.end()])
        end = match.end()
    return b"".join((*parts, masked[end:]))


def _commas_in_table_types(code: bytes) -> bytes:
    """The `;` between the properties of a table type become commas; those between statements stay."""
    if b";" not in code:
        return code
    out = bytearray(code)
    inside: list[bool] = []  # for each open brace, whether it opens a type
    for match in re.finditer(rb"[{};]", code):
        at = match.start()
        if match[0] == b"{":
            inside.append(bool(inside and inside[-1]) or bool(_TYPE_BRACE.search(code[max(0, at - 120) : at])))
        elif match[0] == b"}":
            if inside:
                inside.pop()
        elif inside and inside[-1]:
            out[at] = ord(",")
    return bytes(out)


def has_unfinished_bracket(code: bytes) -> bool:
    """Whether a long comment or string is never closed. Linear, which the grammar's own scanner is not."""
    found = deque(_OPAQUE.finditer(code), maxlen=1)
    last = found[0] if found else None
    if last is None or last.end() != len(code):
        return False
    text = last[0]
    level = last[1] if last[1] is not None else last[2]
    return level is not None and not (text.endswith(b"]" + level + b"]") and len(text) > 2 * len(level) + 4)
