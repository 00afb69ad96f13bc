"""The bytes of the protocols by which points come in."""
