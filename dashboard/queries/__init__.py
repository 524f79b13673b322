"""What the pages read: one function per page or widget, typed values in and out.

Every function takes the game's id and filters by it, and takes `now` where a server's lease decides. A server is
*running* until it has ended; a running server *reports* while its next report is not overdue, else it is *silent* and
what is known of its connections counts as unknown, apart from the rest.
"""
