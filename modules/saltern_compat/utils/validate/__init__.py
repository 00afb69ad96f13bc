"""``salt.utils.validate``: what is well written."""
