"""Whether a source compiles, asked of the VM in a child process: hostile sources end the child alone."""

import re

from migrator.model import Source
from migrator.validate.jobs import compile_job, refuse_what_cannot_run
from migrator.validate.sandbox import Limits, run_confined


def compile_problem(source: Source, limits: Limits) -> str:
    """The compiler's words ("Line 3: Expected …"), "" when it compiles. Nothing of the source runs.

    Raises SourceRefused for a source that is too large to be given to the VM.
    """
    refuse_what_cannot_run(source)
    end = run_confined(compile_job(source), limits)
    said = end.stopped if end.result is None else str(end.result["compile"])
    return re.sub(r"\Ait:(\d+): ", r"Line \1: ", said)
