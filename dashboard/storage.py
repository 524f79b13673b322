"""Static files as they are served: compressed, under names that change with their content."""

from contextlib import suppress

from servestatic.storage import CompressedManifestStaticFilesStorage  # type: ignore[import-untyped]


class HashedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Also inside ES modules: an import names the hashed file, so that an upgrade never mixes old and new ones."""

    support_js_module_import_aggregation = True

    def load_manifest(self) -> tuple[dict[str, str], str]:
        """Empty if a full disk has cut it off: files are collected anew at each start, which writes it again."""
        with suppress(ValueError):
            names, hash_ = super().load_manifest()
            return names, hash_
        return {}, ""
