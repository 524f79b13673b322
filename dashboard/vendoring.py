"""Fetch the browser's third-party files anew: `python -m dashboard.vendoring`.

Needs npm. Writes static/vendor/ with manifest.json (name, version, licence, source package, sha256). Pages are served
from these files alone: nothing is fetched from elsewhere while connmon runs.
"""

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final, TypedDict

VENDOR: Final = Path(__file__).resolve().parent.parent / "static" / "vendor"

# Package -> {file in the package: file in static/vendor/}.
COPIED: Final = {
    "chart.js@4.6.1": {"dist/chart.umd.min.js": "chart.umd.min.js", "LICENSE.md": "chart.LICENSE.md"},
    "@fontsource-variable/ibm-plex-sans@5.3.0": {
        "files/ibm-plex-sans-latin-wght-normal.woff2": "plex-sans.woff2",
        "LICENSE": "plex-sans.LICENSE",
    },
    "@fontsource/ibm-plex-mono@5.3.0": {
        "files/ibm-plex-mono-latin-400-normal.woff2": "plex-mono.woff2",
        "LICENSE": "plex-mono.LICENSE",
    },
}

ICON_PACKAGE: Final = "lucide-static@1.62.0"
# Only icons that a template or module names; a test compares the two.
ICONS: Final = (
    "arrow-down", "arrow-right", "arrow-up", "ban", "bell", "bell-off", "bell-ring", "bot", "brush-cleaning",
    "chart-line", "check", "chevron-left", "chevron-right", "chevrons-up-down", "circle", "circle-alert",
    "circle-check", "circle-dashed", "clipboard-list", "clock", "clock-alert", "columns-3", "copy", "download", "eye",
    "flask-conical", "gamepad-2", "gauge", "history", "hourglass", "image-down", "inbox", "info", "key-round",
    "keyboard", "layers", "layout-dashboard", "link", "lock", "log-out", "mail-x", "menu", "monitor", "moon",
    "octagon-x", "pause", "pencil", "play", "plus", "radio", "refresh-cw", "rotate-cw", "scroll-text", "search", "send",
    "server", "settings", "shield-check", "siren", "sliders-horizontal", "square", "sun", "table-2", "terminal",
    "timer", "trash-2", "triangle-alert", "undo-2", "unlink", "user", "wifi-off", "zoom-in", "zoom-out",
)  # fmt: skip


class Entry(TypedDict):
    file: str
    name: str
    version: str
    licence: str
    source: str
    sha256: str


def main() -> int:
    VENDOR.mkdir(parents=True, exist_ok=True)
    entries: list[Entry] = []
    with tempfile.TemporaryDirectory() as folder:
        for package, files in COPIED.items():
            source = _unpack(package, Path(folder))
            for inside, name in files.items():
                (VENDOR / name).write_bytes(_without_source_map((source / inside).read_bytes()))
                entries.append(_entry(package, source, name))
        source = _unpack(ICON_PACKAGE, Path(folder))
        (VENDOR / "icons.svg").write_text(_sprite(source / "icons"))
        (VENDOR / "icons.LICENSE").write_bytes((source / "LICENSE").read_bytes())
        entries += [_entry(ICON_PACKAGE, source, name) for name in ("icons.svg", "icons.LICENSE")]
    (VENDOR / "manifest.json").write_text(json.dumps({"files": entries}, indent=2) + "\n")
    return 0


def _unpack(package: str, folder: Path) -> Path:
    """The folder of an npm package's files."""
    name = subprocess.run(
        ["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()
    target = folder / name.removesuffix(".tgz")
    with tarfile.open(folder / name) as archive:
        archive.extractall(target, filter="data")
    return target / "package"


def _without_source_map(content: bytes) -> bytes:
    """The file without the comment that names a source map: the map is not vendored."""
    return re.sub(rb"\n//# sourceMappingURL=[^\n]*\n?$", b"\n", content)


def _sprite(icons: Path) -> str:
    """One SVG with a symbol per icon; stroke and size come from the page's CSS."""
    symbols = []
    for name in ICONS:
        svg = (icons / f"{name}.svg").read_text()
        drawing = re.sub(r"\s+", " ", svg.split(">", 2)[2].rsplit("</svg>", 1)[0]).strip()
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{drawing}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg"><!-- lucide, ISC -->\n' + "\n".join(symbols) + "\n</svg>\n"


def _entry(package: str, source: Path, file: str) -> Entry:
    facts = json.loads((source / "package.json").read_text())
    return Entry(
        file=file,
        name=facts["name"],
        version=facts["version"],
        licence=facts["license"],
        source=f"npm:{package}",
        sha256=hashlib.sha256((VENDOR / file).read_bytes()).hexdigest(),
    )


if __name__ == "__main__":
    sys.exit(main())
