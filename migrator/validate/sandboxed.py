"""The child process in which one script runs. Started by path, so that nothing but the VM is imported.

Reads one job as JSON from standard input; writes JSON lines: {"step": label} before each step, at the end {"result": …}
or {"problem": why}.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WORLD = Path(__file__).resolve().parent / "world"
# Each builds on those before it.
PARTS = ("names", "stubs", "instances", "services", "globals", "modules", "values", "describe", "trace", "driver")
MEBIBYTE = 2**20
NEARLY_ALL = 0.75  # of the memory: a table that grows asks for the double
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
NOBODY = 65534
AGENT = "ServerScriptService.connmon"
Job = dict[str, Any]  # migrator/validate/jobs.py makes it
Offer = dict[str, Any]  # something that a script exports, as world/driver.luau describes it
FORWARDERS = ("ConnectionManager", "ConnectionUtils", "Pools")


def confine(limits: dict[str, int]) -> None:
    """No more memory, processor time, files or processes than the job grants; no way back; it dies with its parent."""
    memory, seconds = limits["memory_mb"] * MEBIBYTE, limits["cpu_seconds"]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    if os.geteuid() == 0:  # root may start processes whatever the limit
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    if sys.platform == "linux":  # after the change of user, which takes them back
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


class Run:
    """One script in one mocked server, moved by a plan."""

    def __init__(self, job: Job, say: Any) -> None:
        from luauvm import VM, VMOptions

        self.job, self.say = job, say
        self.memory = job["limits"]["memory_mb"] * MEBIBYTE // 2  # the other half is for Python and the result
        self.vm = VM(VMOptions(signals=job["signals"], memory_limit=self.memory, loose=True))
        self.steps: list[str] = []
        self.live: dict[str, Any] = {}
        self.cases: list[str] = []
        self._extend()

    def _extend(self) -> None:
        vm, job = self.vm, self.job
        vm.extend("local control, name = ... control.validation = { name = name, isClient = false }", "[validation]")
        for part in PARTS:
            vm.extend((WORLD / f"{part}.luau").read_text(), name="[validation]")
        vm.forward_for("[validation]")
        vm.extend(
            """local control, job = ...
            local world, trace = control.validation, control.validation.trace
            world.isClient, trace.script = job.client, job.script
            trace.functions, trace.sites = job.functions, job.sites
            control.env.__connmon_enter, control.env.__connmon_site = trace.enter, trace.site""",
            {key: job[key] for key in ("client", "script", "functions", "sites")},
        )
        for path, source in job["agent"]:
            vm.add_script(path, source)
        for path, source in sorted(job["modules"], key=lambda module: len(module[0])):
            self._add_module(path, source)
        if job["agent"]:
            for module in FORWARDERS:
                vm.forward_for(f"{AGENT}.{module}")
            vm.extend("local control, agent = ... control.validation.useAgent(agent)", vm.instance(AGENT))
        vm.extend("local control = ... control.validation.driver.begin()")

    def _add_module(self, path: str, source: str) -> None:
        """A module of the project, compiled when it is first required."""
        add = """local control, parent, path, name, compile = ...
            local chunk = nil
            local script = parent:FindFirstChild(name)
            if not script or control.validation.stubs.is(script) then
                script = control.instances.create("ModuleScript", name, parent)
            end
            control.chunks[script] = function(...)
                chunk = chunk or compile()
                return chunk(...)
            end
            control.validation.addModule(path, script)"""
        parent, _, name = path.rpartition(".")
        vm = self.vm
        compile_it = vm.function(lambda: vm.compile(source, path))
        vm.extend(add, vm.instance(parent), path, name, compile_it)

    def _do(self, label: str, call: str, *args: Any) -> list[Any]:
        self.say({"step": label})
        self.steps.append(label)
        code = f"""local control, number = ...
            local driver = control.validation.driver
            control.validation.trace.step = number
            local results = table.pack(driver.{call}(select(3, ...)))
            driver.settle()
            return table.unpack(results, 1, results.n)"""
        return self.vm.extend(code, len(self.steps), *args)

    def _note_live(self, moment: str) -> None:
        (rows,) = self.vm.extend("local control = ... return control.validation.trace.live()")
        self.live[moment] = list(rows)

    def run(self) -> dict[str, Any]:
        """Loads the script and moves the server; what came of it."""
        problem = self._compile()
        if problem:
            return {"compile": problem}
        script = self.vm.add_script(self.job["script"], self.job["source"], self.job["class"])
        load = self._do("the script loads", "load", script)
        plan = self.job["plan"] or {}
        offers: list[Offer] = plan["module"] if plan else self._survey("module")
        self._start(offers)
        made = self._make(offers, plan)
        for number in (1, 2):
            self._round(number, [("module", offers), ("object", made)])
        self._cases()
        self._leave()
        self._stop([("object", made), ("module", offers)])
        return {
            "load": load,
            "plan": {"module": offers, "object": made},
            "steps": self.steps,
            "live": self.live,
            "cases": self.cases,
            **self._trace(),
        }

    def _compile(self) -> str:
        """Chooses the source that compiles; what is wrong with it when none does."""
        problem, self.job["source"] = choose_compiling(self.vm, self.job, lambda: str(self.job["masked"]))
        return problem

    def _survey(self, which: str) -> list[Offer]:
        (offers,) = self.vm.extend("local control, which = ... return control.validation.driver.survey(which)", which)
        return [{**offer, "parameters": list(offer["parameters"] or [])} for offer in offers or []]

    def _call(self, which: str, offer: Offer, how: str = "call") -> None:
        name, parameters = offer["name"], offer["parameters"]
        label = f"{name}() is called" if which == "module" else f"{name}() of the object is called"
        self._do(label, how, which, name, bool(offer["method"]), parameters)

    def _start(self, offers: list[Offer]) -> None:
        for offer in sorted((o for o in offers if o["kind"] == "start"), key=lambda offer: offer["order"]):
            self._call("module", offer)
        self._do("half a second passes", "time", 0.5, 5)

    def _make(self, offers: list[Offer], plan: dict[str, Any]) -> list[Offer]:
        maker = next((offer for offer in offers if offer["kind"] == "make"), None)
        if maker is None:
            return []
        self._do(f"{maker['name']}() is called", "make", maker["name"], bool(maker["method"]), maker["parameters"])
        made: list[Offer] = plan["object"] if plan else self._survey("object")
        for offer in sorted((o for o in made if o["kind"] == "start"), key=lambda offer: offer["order"]):
            self._call("object", offer)
        return made

    def _round(self, number: int, targets: list[tuple[str, list[Offer]]]) -> None:
        self.vm.extend("local control, number = ... control.validation.values.round = number", number)
        for name in ("Bob", "Carol") if number == 1 else ():
            self._do(f"{name} joins", "join", name)
        self._do("half a second passes", "time", 0.5, 5)
        for which, offers in targets:
            for offer in offers:
                if offer["kind"] == "other":
                    self._call(which, offer)
        self._do("every event is fired once", "fireAll")
        self._do("Bob dies and respawns", "respawn", "Bob")
        self._do("seventy seconds pass", "time", 70.0, 14)

    def _cases(self) -> None:
        from luauvm import LuauCompileError

        for number, case in enumerate(self.job["cases"], 1):
            try:
                chunk = self.vm.compile(f"local service, world = select(4, ...); {case['source']}", case["name"])
            except LuauCompileError as error:
                self.cases.append(error.message)
                continue
            wrap = """local control, number, chunk = ...
                control.validation.driver.cases[number] = function(...)
                    return chunk(control.validation.script, control.typeof, control.type, ...)
                end"""
            self.vm.extend(wrap, number, chunk)
            self.cases += self._do(f"the test case {case['name']!r} runs", "case", number)

    def _leave(self) -> None:
        self._do("Bob leaves", "leave", "Bob")
        self._do("half a second passes", "time", 0.5, 5)
        self._do("everyone leaves", "leaveAll")
        self._do("five seconds pass", "time", 5.0, 10)
        self._note_live("left")

    def _stop(self, targets: list[tuple[str, list[Offer]]]) -> None:
        """Stops what the original can stop, as both runs do; then what only this source can, in steps of its own."""
        for which, offers in targets:
            known = [offer for offer in offers if offer["kind"] == "stop"]
            self._call_all(which, known)
        for which, offers in targets:
            known = [offer for offer in offers if offer["kind"] == "stop"]
            now = [offer for offer in self._survey(which) if offer["kind"] == "stop"]
            self._call_all(which, [offer for offer in now if offer["name"] not in {item["name"] for item in known}])

    def _call_all(self, which: str, offers: list[Offer]) -> None:
        for offer in sorted(offers, key=lambda offer: offer["order"]):
            self._call(which, offer, "stop")
        if offers:
            self._do("a second passes", "time", 1.0, 2)
            self._note_live("stopped")

    def _trace(self) -> dict[str, Any]:
        code = """local control = ...
            local trace, connections = control.validation.trace, {}
            for _, it in trace.connections do
                table.insert(connections, { it.site, it.line, it.callback, it.signal, it.step, it.fired })
            end
            return trace.events, connections, trace.truncated, control.validation.unresolved"""
        events, connections, truncated, unresolved = self.vm.extend(code)
        return {
            "events": list(events),
            "connections": list(connections),
            "truncated": truncated,
            "unresolved": list(unresolved),
        }


def choose_compiling(vm: Any, job: Job, masked: Callable[[], str]) -> tuple[str, str]:
    """What the compiler says of the source, "" if it compiles, as it is or masked; and the one that does."""
    from luauvm import LuauCompileError

    def given() -> str:
        return str(job["source"])

    problem = ""
    for look in (given, masked):
        text = look()
        try:
            vm.compile(text, job["script"])
        except LuauCompileError as error:
            problem = problem or error.message
        else:
            return "", text
    return problem, str(job["source"])


class Compilation:
    """A script that is compiled and not run. Its syntax is masked here, since that takes long for some sources."""

    def __init__(self, job: Job) -> None:
        from luauvm import VM, VMOptions
        from migrator.validate.jobs import masked_text

        self.job, self._mask = job, masked_text
        self.memory = job["limits"]["memory_mb"] * MEBIBYTE // 2
        self.vm = VM(VMOptions(memory_limit=self.memory))

    def run(self) -> dict[str, Any]:
        """What the compiler says."""
        return {"compile": choose_compiling(self.vm, self.job, lambda: self._mask(self.job["source"]))[0]}


def problem_of(error: Exception, share: float) -> str:
    """Why the server around the script failed, as a clause; `share`: of its memory that was in use."""
    message = str(error).partition("\n")[0][:200]
    named = isinstance(error, MemoryError) or "memory error" in message or "not enough memory" in message
    if named or share > NEARLY_ALL:
        return "it needs more memory than it is granted"
    return f"it broke the mocked server around it ({message})"


def main() -> None:
    sys.path.insert(0, str(ROOT))
    out = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # the extension prints there

    def say(message: dict[str, Any]) -> None:
        data = json.dumps(message, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
        while data:
            data = data[os.write(out, data) :]

    job = json.loads(sys.stdin.buffer.read())
    run = Compilation(job) if job.get("only_compile") else Run(job, say)
    try:
        confine(job["limits"])
        say({"result": run.run()})
    except Exception as error:  # whatever a script does to the server around it, the parent is told
        say({"problem": problem_of(error, run.vm.heap_bytes() / run.memory)})
    os._exit(0)


if __name__ == "__main__":
    main()
