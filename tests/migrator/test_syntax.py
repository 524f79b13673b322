"""Reading sources: every modern syntax, broken ones, and what is no source."""

import pytest

from migrator.mask import mask_modern_syntax
from migrator.model import Source, SourceRefused
from migrator.syntax import MAX_BYTES, parse
from tests.migrator.sources import analyse

MODERN = [
    "const limit = 10",
    "const function id(x) return x end",
    "export local total = 1",
    "@native\nlocal function fast() end",
    '@[deprecated { reason = "old" }]\nfunction old() end',
    "local n = f<<number>>(1)",
    "type function optional(t) return t end",
    "local function pack<T...>(...: T...): T... return ... end",
    "type Callback<T...> = (T...) -> ()",
    "type Map<K = string> = { [K]: number }",
    "type Identity = <T>(value: T) -> T",
    'type Kind =\n\t| "a"\n\t| "b"',
    "type Both = & A & B",
    "type Props = { read name: string, write value: number }",
    "type Props = { name: string; value: number; }",
    "local maybe: typeof(f())? = nil",
    "local s = setmetatable({}, C) :: typeof(setmetatable({}, C))",
    "for i: number = 1, 2 do print(i) end",
    "local whole = 10i",
    "local hex = 0x_20",
    "local type = type(x)",
    "export.Value = 1",
    "local text = `{name} has {count}`",
    "local size = if big then 2 else 1",
    "total += 1 // 2",
    "for _, x in list do if x then continue end end",
    "local all: { [string]: (number) -> () } = {}",
]
SITE = "\npart.Touched:Connect(print)\n"


@pytest.mark.parametrize("code", MODERN)
def test_modern_syntax_is_read_and_the_site_after_it_found(code: str) -> None:
    analysis = analyse(code + SITE)
    assert analysis.parse_errors == ()
    assert [site.line for site in analysis.sites] == [(code + SITE).count("\n")]


@pytest.mark.parametrize("code", MODERN)
def test_a_mask_keeps_every_offset(code: str) -> None:
    text = (code + SITE).encode()
    masked = mask_modern_syntax(text)
    assert len(masked) == len(text)
    assert masked.endswith(SITE.encode())
    assert masked.count(b"\n") == text.count(b"\n")


def test_strings_and_comments_are_not_masked() -> None:
    text = b"local a = 'const x = @native'\n-- const y\nlocal b = [[ export local ]]\nconst c = 1\n"
    assert mask_modern_syntax(text) == text.replace(b"const c", b"local c")


def test_a_parse_error_is_reported_where_it_is() -> None:
    analysis = analyse("local a = 1\nlocal b = = 2\npart.Touched:Connect(print)\n")
    assert [error.line for error in analysis.parse_errors] == [2]
    assert len(analysis.sites) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"\x06\x03\x00connect", "compiled bytecode"),
        (b"local a\0b = connect", "binary data"),
        (b"-- connect\n" * (MAX_BYTES // 11 + 1), "split the file"),
        (b"--[[\n" * 1000 + b"x:Connect(y)", "never closed"),
    ],
)
def test_what_is_no_source_is_refused_with_a_sentence(text: bytes, sentence: str) -> None:
    with pytest.raises(SourceRefused, match=sentence):
        parse(Source("Odd.luau", text))


def test_many_long_strings_that_are_closed_are_read() -> None:
    text = "local a = [[ x ]] --[==[ y ]==]\n" * 300 + "part.Touched:Connect(print)"
    assert len(analyse(text + " --[[ the end ]]").sites) == 1


def test_invalid_utf_8_is_read() -> None:
    text = b"-- \xff\xfe\npart.Touched:Connect(print)"
    assert parse(Source("Odd.luau", text)).errors == ()


def test_a_lower_case_connect_and_a_bom_are_read() -> None:
    assert len(analyse("\ufeffpart.Touched:connect(print)").sites) == 1
