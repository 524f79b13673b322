"""Source to syntax tree: tree-sitter, with a mask over the syntax its grammar does not know."""

import time
from dataclasses import dataclass
from functools import cache

import tree_sitter_luau
from tree_sitter import Language, Node, Parser, Tree

from migrator.mask import has_unfinished_bracket, mask_modern_syntax
from migrator.model import ParseError, Source, SourceRefused

MAX_BYTES = 4 * 2**20  # larger than any script Studio saves; a place file that was given by mistake is refused
MAX_SECONDS = 5  # of processor time; ordinary source takes a tenth of a second a megabyte
CHUNK = 2**16
MANY_BRACKETS = 200  # from which an unclosed one would cost the parser seconds
MAX_ERRORS = 50  # reported per file
BYTECODE_VERSIONS = frozenset(range(1, 16))  # the first byte of compiled Luau

LANGUAGE = Language(tree_sitter_luau.language())


@dataclass(frozen=True, slots=True)
class Syntax:
    """A parsed source. `code` has the same length as the source; offsets hold in both."""

    source: Source
    code: bytes
    tree: Tree
    errors: tuple[ParseError, ...]


@cache
def _parser() -> Parser:
    return Parser(LANGUAGE)


def parse(source: Source) -> Syntax:
    """Parses a source; raises SourceRefused for bytecode, binary data and anything above MAX_BYTES."""
    refuse_what_is_no_source(source)
    code = source.text
    tree = _parse(source.path, code)
    if tree.root_node.has_error:
        masked = mask_modern_syntax(code)
        if masked != code:
            code, tree = masked, _parse(source.path, masked)
    errors = tuple(_errors(tree.root_node)) if tree.root_node.has_error else ()
    return Syntax(source, code, tree, errors)


def _parse(path: str, code: bytes) -> Tree:
    """The tree; raises SourceRefused when the parser, whose recovery from errors can be quadratic, takes too long."""
    deadline = time.thread_time() + MAX_SECONDS

    def read(offset: int, _point: object) -> bytes:
        return code[offset : offset + CHUNK]

    def give_up(_offset: int, _has_error: bool) -> bool:
        return time.thread_time() > deadline

    parser = _parser()
    try:
        return parser.parse(read, progress_callback=give_up)
    except ValueError:
        parser.reset()
        raise SourceRefused(f"{path}: the parser gave up after {MAX_SECONDS} s; is this Luau source?") from None


def refuse_what_is_no_source(source: Source) -> None:
    """Raises SourceRefused unless the bytes can be Luau source."""
    text = source.text
    if len(text) > MAX_BYTES:
        raise SourceRefused(
            f"{source.path}: {len(text)} bytes are more than the {MAX_BYTES} that are analysed; split the file."
        )
    if text and text[0] in BYTECODE_VERSIONS and text[:1] not in b"\t\n\r\f\v":
        raise SourceRefused(f"{source.path}: this is compiled bytecode; give the source it was compiled from.")
    if text.count(b"[[") + text.count(b"[=") > MANY_BRACKETS and has_unfinished_bracket(text):
        raise SourceRefused(f"{source.path}: a long comment or string is never closed; close it.")
    if b"\0" in text:
        raise SourceRefused(f"{source.path}: this is binary data (it has a NUL byte); give Luau source.")


def _errors(root: Node) -> list[ParseError]:
    found: list[ParseError] = []
    stack = [root]
    while stack and len(found) < MAX_ERRORS:
        node = stack.pop()
        if node.is_error or node.is_missing:
            found.append(_error(node))
        elif node.has_error:
            stack.extend(reversed(node.children))
    return found


def _error(node: Node) -> ParseError:
    row, column = node.start_point
    what = f"{node.type} is missing" if node.is_missing else "this could not be parsed"
    return ParseError(row + 1, column + 1, (node.start_byte, node.end_byte), what)
