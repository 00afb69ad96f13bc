"""Run: a function on a set of hosts, chosen, shown, confirmed."""
