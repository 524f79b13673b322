"""The pages. A view reads: who, what is asked, one query or action, answer."""
