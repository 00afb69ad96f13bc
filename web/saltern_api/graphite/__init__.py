"""Graphite's API behind the API's logins: each caller sees the series and events of his own minions."""
