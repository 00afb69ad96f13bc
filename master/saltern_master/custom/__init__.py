"""Runners and outputters of the operator's own: where they are, how they come here, the processes they run in."""
