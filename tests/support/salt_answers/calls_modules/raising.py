"""A module whose __virtual__ raises."""


def __virtual__():
    raise ValueError("no way")


def anything():
    """Never run."""
