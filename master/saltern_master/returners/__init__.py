"""Returners of the master's: what minions return, in databases of others', in the tables that Salt's returners make."""
