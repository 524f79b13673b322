"""Runs every attack whole and ends with what was counted, as one JSON object. `make security`."""

import json
import os
import sys
from dataclasses import asdict

import pytest

if __name__ == "__main__":
    os.environ["CONNMON_ATTACK"] = "whole"
    from tests.security.packages import audit_packages
    from tests.security.tally import TALLY

    code = pytest.main(["-p", "no:xdist", "tests/security", *sys.argv[1:]])
    audit = audit_packages()
    print(audit.sentence)
    print(json.dumps(asdict(TALLY) | {"vulnerable_packages": audit.vulnerable, "passed": code == 0}))
    sys.exit(code or bool(audit.vulnerable))
