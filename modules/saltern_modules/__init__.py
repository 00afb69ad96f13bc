"""Execution modules that come with the agent, one file each."""
