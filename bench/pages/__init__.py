"""What pages cost at size: lists, queries, the way from a report to the screen, weight, memory, many browsers."""
