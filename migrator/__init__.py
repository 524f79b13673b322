"""From unmanaged Luau source to managed code: analyse, recommend, rewrite, validate. A pure library, no Django."""

from migrator.analyze import analyze_service
from migrator.recommend import generate_recommendations
from migrator.rewrite import generate_migrated_code

__all__ = ["analyze_service", "generate_migrated_code", "generate_recommendations"]
