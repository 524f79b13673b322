"""`make bench-scale`: reports by web processes and by servers, what each costs, and whether the arithmetic holds."""
