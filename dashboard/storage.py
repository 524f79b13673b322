"""Static files as they are served: compressed, under names that change with their content."""

from servestatic.storage import CompressedManifestStaticFilesStorage


class HashedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # servestatic has no types for it
    """Also inside ES modules: an import names the hashed file, so that an upgrade never mixes old and new ones."""

    support_js_module_import_aggregation = True
