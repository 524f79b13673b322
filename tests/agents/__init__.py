"""Tests of the agents. The Python agent is imported as it lies in the work tree, installed or not."""

import sys
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "agents" / "python" / "src"
if str(SOURCE) not in sys.path:
    sys.path.insert(0, str(SOURCE))
