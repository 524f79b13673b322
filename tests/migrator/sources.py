"""Short ways to analyse and rewrite a piece of Luau in a test."""

from textwrap import dedent

from migrator import analyze_service, generate_migrated_code
from migrator.model import Migration, Project, ServiceAnalysis, Site, Source


def source(text: str, path: str = "src/server/CombatService.luau") -> Source:
    """A server module with this text, its common indentation removed."""
    return Source(path, dedent(text).encode())


def analyse(text: str, path: str = "src/server/CombatService.luau") -> ServiceAnalysis:
    """The analysis of a text."""
    return analyze_service(source(text, path))


def only_site(text: str) -> Site:
    """The one site of a text."""
    (site,) = analyse(text).sites
    return site


def site_of(text: str, signal: str) -> Site:
    """The site that connects to `signal`."""
    (site,) = (site for site in analyse(text).sites if site.signal == signal)
    return site


def migrate(text: str, path: str = "src/server/CombatService.luau") -> Migration:
    """The rewrite of a text."""
    given = source(text, path)
    return generate_migrated_code(given, analyze_service(given))


def project(**files: str) -> Project:
    """Modules side by side in ServerScriptService, by name."""
    sources = {f"{name}.luau": source(text, f"{name}.luau") for name, text in files.items()}
    return Project(sources, {path: ("ServerScriptService", path.removesuffix(".luau")) for path in sources})
