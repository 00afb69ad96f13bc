"""Jobs: what was run, and what came back."""
