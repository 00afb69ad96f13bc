"""``salt.grains``: Salt's own grains."""
