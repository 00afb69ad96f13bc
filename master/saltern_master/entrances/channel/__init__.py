"""The two encrypted ports that agents connect to."""
