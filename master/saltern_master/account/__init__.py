"""Honest accounting: what became of every slot of every schedule, on every minion."""
