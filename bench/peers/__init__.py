"""Servers that take in the same information as connmon, measured in the same run on the same cores."""
