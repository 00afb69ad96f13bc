"""What ``import salt`` gives modules on hosts without Salt: the parts of it that custom modules use most.

Each is by Salt's name and with Salt's parameters, so that a module written for Salt runs as it is. What isn't here
raises ``ModuleNotFoundError``, as it would without Salt. A host that has Salt installed gives them Salt's own.
"""
