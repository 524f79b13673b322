"""The version, which the package and its reports name."""

from typing import Final

VERSION: Final = "0.1.0"
