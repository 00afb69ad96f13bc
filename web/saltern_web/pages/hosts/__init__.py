"""The table of hosts: filtered and sorted by the URL, live, and what may be done with those that are chosen."""
