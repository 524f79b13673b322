"""What a run of attacks has counted, for the one line that `make security` ends with."""

import os
from dataclasses import dataclass
from typing import Final

# `make security` sets this; else each attack has its short form, for `make test`.
WHOLE: Final = os.environ.get("CONNMON_ATTACK") == "whole"


@dataclass
class Tally:
    """Everything but `requests` and `matrix_cells` should be 0."""

    requests: int = 0
    server_errors: int = 0
    leaks_across_games: int = 0
    xss: int = 0
    matrix_cells: int = 0
    matrix_wrong: int = 0

    def note(self, status: int) -> None:
        """One request that was answered; 503 is a state that a part says it is in, not a fault."""
        self.requests += 1
        self.server_errors += status >= 500 and status != 503


TALLY = Tally()
