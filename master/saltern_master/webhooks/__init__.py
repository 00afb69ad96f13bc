"""Webhooks: alerts and chosen events, posted to chats, pagers and programs."""
