"""Tells browsers, after the commit, what changed. The only room that knows the channel layer."""
