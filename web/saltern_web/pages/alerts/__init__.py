"""Alerts: what is wrong, who knows, what is silenced, what was, and the rules."""
