"""Static files as they are served: compressed, under names that change with their content."""

from servestatic.storage import CompressedManifestStaticFilesStorage  # type: ignore[import-untyped]


class HashedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Also inside ES modules: an import names the hashed file, so that an upgrade never mixes old and new ones."""

    support_js_module_import_aggregation = True
