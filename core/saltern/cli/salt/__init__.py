"""``saltern``: run a function on minions, with the flags, the output and the exit codes of Salt's ``salt``.

``parser`` the flags · ``wanted`` what they ask for · ``program`` which way it is done · ``plain``, ``waves``, ``docs``,
``preview`` those ways · ``shown``, ``summary``, ``progress``, ``stopped`` what is printed.
"""

from saltern.cli.salt.program import main

__all__ = ["main"]
