"""Where Chromium is, and the marks of tests that need it; its fixtures are in conftest.py."""

import os
from pathlib import Path
from typing import Final

import pytest

CHROMIUM: Final = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
BROWSER: Final = [
    pytest.mark.browser,
    pytest.mark.skipif("NO_BROWSER" in os.environ, reason="NO_BROWSER is set"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}; set CHROMIUM"),
    # Static files come from WhiteNoise, which has no asynchronous way to send them.
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators"),
]
