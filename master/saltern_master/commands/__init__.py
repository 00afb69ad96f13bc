"""Everything that the master can be asked to do: declared, bound, authorised and run in one place each."""
