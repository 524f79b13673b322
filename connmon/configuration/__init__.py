"""ConfigurationManager's backend: what may be set, what is set, its revisions, and who runs which."""
