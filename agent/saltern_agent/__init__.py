"""The program on every host: runs scheduled samples and jobs, and never loses a return."""

from saltern_agent.later import put_off

with put_off("traceback"):  # with what it imports 0.25 MiB, for a report that hardly any agent ever makes
    import logging as logging
