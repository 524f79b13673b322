"""History of what the registry holds: samples now, made inside PostgreSQL."""
