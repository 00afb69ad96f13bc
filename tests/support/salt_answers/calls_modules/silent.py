"""A module that does not apply here."""


def __virtual__():
    return False


def anything():
    """Never run."""
