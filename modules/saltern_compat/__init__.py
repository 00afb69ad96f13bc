"""What ``import salt`` gives modules on hosts without Salt: the parts of it that custom modules use.

Each is by Salt's name and with Salt's parameters, so that a module written for Salt runs as it is. What isn't here
says so in one line. A host that has Salt installed gives its modules Salt's own. Nothing of the agent's imports this:
its loader finds it, by name, for the modules of users.
"""
