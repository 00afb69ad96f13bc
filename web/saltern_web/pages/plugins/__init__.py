"""The pages of plugins: which there are, one, what came of a run, its configuration."""
