"""generate_migrated_code: the smallest edits that manage what leaks, spliced into the original bytes."""

import re
from collections import defaultdict
from dataclasses import replace
from functools import cached_property

from migrator import names
from migrator.analyze import Study, study
from migrator.edits import AGENT, cleanup_edit, connect_edits, quoted, require_edit, wrap_edit
from migrator.facts import Function, Variable
from migrator.flow import is_client
from migrator.helpers import helper_edits
from migrator.losses import Judged
from migrator.model import Edit, Migration, Note, Project, ServiceAnalysis, Site, Source, Span, Verdict
from migrator.owners import ByHand, Owner, owner_of, service_of
from migrator.pieces import splice

_PLAIN = re.compile(r"[\w ]{1,64}", re.ASCII)  # names that can be part of a connection's
_HELPER = re.compile(rb"\bSetup(?:Player|Character)Management\(")


def generate_migrated_code(
    source: Source, analysis: ServiceAnalysis, project: Project | None = None, agent: str = AGENT
) -> Migration:
    """`source` with the leaks of `analysis` managed; what cannot be decided from the code stands in the notes.

    `agent`: the expression that requires connmon. Only sites of `analysis` that are leaks are touched, so an analysis
    with fewer of them changes less. Running it on its own result changes nothing. Raises SourceRefused.
    """
    wanted = {site.span for site in analysis.sites if site.verdict is Verdict.LEAK}
    if not wanted:
        return Migration(source.path, source.text, source.text, (), ())
    place = project.instances.get(source.path, ()) if project is not None else ()
    return _Rewrite(study(source, project), agent, place).run(wanted)


class _Rewrite:
    def __init__(self, studied: Study, agent: str, place: tuple[str, ...]) -> None:
        self.study = studied
        self.agent = agent
        self.source = studied.facts.syntax.source
        self.place = place
        self.edits: list[Edit] = []
        self.notes: list[Note] = []
        self.cleaned: dict[Variable, list[Edit]] = {}
        self.needing: defaultdict[Variable, list[Span]] = defaultdict(list)  # sites whose owners a clean-up ends
        self.taken: set[str] = set()

    def run(self, wanted: set[tuple[int, int]]) -> Migration:
        pairs = zip(self.study.judged, self.study.analysis.sites, strict=True)
        for judged, site in pairs:
            if site.span in wanted and site.verdict is Verdict.LEAK:
                try:
                    self.edits += self._site(judged, site)
                except ByHand as reason:
                    self.notes.append(Note(site.line, str(reason)))
        self._add_requires()
        for target, edits in self.cleaned.items():
            needed_by = tuple(self.needing[target])
            self.edits += [replace(edit, needed_by=needed_by) for edit in edits] if self.edits else []
        self.edits.sort(key=lambda edit: (edit.span[0], edit.site is not None))
        migrated = splice(self.source.text, [(edit.span, edit.replacement) for edit in self.edits])
        return Migration(self.source.path, self.source.text, migrated, tuple(self.edits), tuple(self.notes))

    def _site(self, judged: Judged, site: Site) -> list[Edit]:
        self._refuse_errors(judged.connect.region.function)
        if is_client(self.study.facts):
            raise ByHand("This is client code, and connmon's agent runs on the server; disconnect it by hand.")
        if self._is_shared():
            raise ByHand("Clients may require this module too, and connmon's agent runs on the server.")
        if site.kind == "Custom" and not self._is_signal(judged):
            raise ByHand("Whether this signal returns a connection cannot be seen here; register it if it does.")
        owner = owner_of(self.study, judged)
        service = service_of(self.study)
        seen = service is not None and service.position < site.span[0]
        edits = self._helper_edits(judged, site, owner, service if seen else None)
        if edits is None:
            edits = connect_edits(self.study, judged, site, owner, self._name(judged))
        if owner.cleanup is not None:
            self._clean_up(owner.cleanup)
            self.needing[owner.cleanup].append(site.span)
        return edits

    def _helper_edits(self, judged: Judged, site: Site, owner: Owner, service: Variable | None) -> list[Edit] | None:
        """The edits with a helper. It names its connections itself, so that each helper stands once in a file."""
        event = judged.connect.event
        own = f"{self.study.analysis.service_name}.{event}" if event in names.CHARACTER_EVENTS else event
        if self._is_taken(own) or _HELPER.search(self.source.text):
            return None
        edits = helper_edits(self.study, judged, site, owner, service)
        if edits is not None:
            self.taken.add(own)
        return edits

    def _is_shared(self) -> bool:
        """Whether a module stands where clients see it; without a project its path says so."""
        place = self.place
        if place:
            return place[0] in names.SHARED_PLACES
        path = self.source.path
        return bool(names.SHARED_PATH.search(path)) and not names.SERVER_PATH.search(path)

    def _refuse_errors(self, function: Function) -> None:
        outermost = function
        while outermost.outer is not None and outermost.outer.kind != "chunk":
            outermost = outermost.outer
        for error in self.study.analysis.parse_errors:
            if outermost.kind == "chunk" or (error.span[0] < outermost.end and error.span[1] > outermost.start):
                raise ByHand(f"Line {error.line} could not be parsed; nothing beside it is changed.")

    def _is_signal(self, judged: Judged) -> bool:
        """Whether a custom signal is seen to be made by a signal library."""
        return judged.connect.chain.last in self._signals

    @cached_property
    def _signals(self) -> set[str]:
        facts = self.study.facts
        made = [(assignment.target.last, assignment.value) for assignment in facts.assignments]
        made += [
            (name, variable.values[0].node)
            for name, variables in facts.declared.items()
            for variable in variables
            if variable.values
        ]
        return {name for name, node in made if "ignal" in facts.raw(node)[:60]}

    def _name(self, judged: Judged) -> str:
        """A name that is the owner's alone: other scripts name connections of the same player."""
        event = judged.connect.event if judged.connect.signal is not None else judged.connect.call.name
        last = judged.connect.chain.path[-1:]
        if event in names.SIGNAL_METHODS and "=" in last[0]:
            about = last[0].partition("=")[2]
            event = f"{about}Changed" if _PLAIN.fullmatch(about) else event
        base = f"{self.study.analysis.service_name}.{event}"
        name, number = base, 2
        while self._is_taken(name):
            name, number = f"{base}{number}", number + 1
        self.taken.add(name)
        return name

    def _is_taken(self, name: str) -> bool:
        """Whether a name was given already, in an earlier run too."""
        return name in self.taken or quoted(name).encode() in self.source.text

    def _clean_up(self, target: Variable) -> None:
        if target in self.cleaned:
            return
        if target is service_of(self.study):
            edit, note = wrap_edit(self.study, target), ""
        else:
            edit, note = cleanup_edit(self.study, target)
        self.cleaned[target] = [edit] if edit is not None else []
        if note:
            self.notes.append(Note(target.values[0].node.start_point.row + 1 if target.values else 1, note))

    def _add_requires(self) -> None:
        shared = [edit for edits in self.cleaned.values() for edit in edits]
        text = b"".join(edit.replacement for edit in (*self.edits, *shared))
        needed = {name for name in ("ConnectionManager", "ConnectionUtils") if name.encode() + b":" in text}
        if not needed or not self.edits:
            return
        try:
            edit = require_edit(self.study, needed, self.agent)
        except ByHand as reason:
            self.notes = [Note(1, str(reason))]
            self.edits, self.cleaned = [], {}
            return
        if edit is not None:
            self.edits.append(edit)
