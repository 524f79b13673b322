"""What a stale sweep costs: lost servers, stale connections, nothing to do, and the reports that come meanwhile."""
