"""Jobs: sent to the minions that a target means, and kept with their returns."""
