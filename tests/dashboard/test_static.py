"""What browsers are sent: vendored files, icons, templates' names, and how much of it."""

import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest
from django.test import Client

from connmon.accounts.models import Game
from dashboard.storage import HashedFiles
from dashboard.vendoring import ICONS, VENDOR
from tests.dashboard.pages import fill

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"
MOST_BYTES = 200 * 1024  # a cold overview, compressed
MANIFEST = json.loads((VENDOR / "manifest.json").read_text())["files"]
FONTS = {".woff2"}  # compressed in themselves


@pytest.mark.parametrize("entry", MANIFEST, ids=lambda entry: str(entry["file"]))
def test_a_vendored_file_is_the_one_the_manifest_names(entry: dict[str, str]) -> None:
    assert hashlib.sha256((VENDOR / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
    assert all(entry[name] for name in ("name", "version", "licence", "source"))


def test_every_vendored_file_is_in_the_manifest() -> None:
    assert {entry["file"] for entry in MANIFEST} == {path.name for path in VENDOR.iterdir()} - {"manifest.json"}


def test_the_sprite_holds_exactly_the_icons_that_pages_use() -> None:
    templates = "".join(path.read_text() for path in TEMPLATES.rglob("*.html"))
    code = (ROOT / "dashboard/templatetags/connmon.py").read_text()
    named = set(re.findall(r'{% icon "([a-z0-9-]+)" %}', templates))
    named |= set(re.findall(r'": \("([a-z0-9-]+)", "', code))
    for words in re.findall(r'for name in "([a-z0-9 -]+)"\|split_words %}{% icon name %}', templates):
        named |= set(words.split())
    assert named == set(ICONS)
    assert set(re.findall(r'<symbol id="([a-z0-9-]+)"', (VENDOR / "icons.svg").read_text())) == set(ICONS)


def test_scripts_name_only_icons_that_the_page_brings_along() -> None:
    brought = re.search(
        r'for name in "([a-z0-9 -]+)"\|split_words %}{% icon name', (TEMPLATES / "parts/copies.html").read_text()
    )
    assert brought
    scripts = "".join(path.read_text() for path in (STATIC / "js").glob("*.js"))
    named = set(re.findall(r'setIcon\([^;]*?"([a-z-]+)"', scripts)) & set(ICONS)
    named |= set(re.findall(r': \["([a-z-]+)", "', scripts)) | set(
        re.findall(r'(?:light|dark|system): "([a-z]+)"', scripts)
    )
    assert named <= set(brought[1].split())


def test_no_script_writes_html() -> None:
    scripts = {path.name: path.read_text() for path in (STATIC / "js").glob("*.js")}
    forbidden = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function")
    assert {name for name, text in scripts.items() if forbidden.search(text)} == set()


def test_a_cold_overview_stays_within_its_transfer(game: Game, as_owner: Client) -> None:
    filled = fill(game)
    page = as_owner.get(filled.addresses()[0]).content
    chart = as_owner.get(filled.addresses()[1]).content
    html = page.decode()
    names = set(re.findall(r'(?:href|src)="/static/([^"#]+)', html))
    names |= {f"js/{name}" for name in imported("overview.js") | imported("app.js")}
    names.add("vendor/plex-mono.woff2")  # named by CSS
    sent = {name: compressed(STATIC / name) for name in names}
    total = sum(sent.values()) + len(gzip.compress(page)) + len(gzip.compress(chart))
    assert total <= MOST_BYTES, (total, sent)


@pytest.mark.parametrize("left", [b"", b'{"paths": {"js/app.js": "js/ap', b"\xff"])
def test_a_manifest_that_a_full_disk_cut_off_counts_as_none(tmp_path: Path, left: bytes) -> None:
    (tmp_path / "staticfiles.json").write_bytes(left)
    assert HashedFiles(location=tmp_path, base_url="static/").hashed_files == {}


def compressed(path: Path) -> int:
    content = path.read_bytes()
    return len(content) if path.suffix in FONTS else len(gzip.compress(content))


def imported(name: str) -> set[str]:
    """The modules that a module brings in, with itself."""
    found: set[str] = set()
    waiting = {name}
    while waiting:
        found |= waiting
        texts = [(STATIC / "js" / module).read_text() for module in waiting]
        waiting = {other for text in texts for other in re.findall(r'from "\./([a-z]+\.js)"', text)} - found
    return found
