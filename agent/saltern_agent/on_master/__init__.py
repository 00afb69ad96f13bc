"""Runners and outputters of the operator's own, on the master's host: each call in a process of its own."""
