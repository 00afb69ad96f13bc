"""A module that does not apply here, and says why."""


def __virtual__():
    return False, "the library frob is missing"


def anything():
    """Never run."""
