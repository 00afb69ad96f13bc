"""``salt.ext``: libraries that came with Salt."""
