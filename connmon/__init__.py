"""connmon: event connections of game servers, watched from outside."""

__version__ = "0.1.0"
