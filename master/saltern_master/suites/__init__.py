"""Test suites of the fleet: what each test came to on each host, over all runs that are kept."""
