"""The judges, one for each kind of caller."""
