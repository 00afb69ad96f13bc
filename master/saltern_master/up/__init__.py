"""``saltern-up``: the whole stack on this host, by one command."""
