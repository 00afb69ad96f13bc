"""Hosts of many kinds as folders of files, made from facts about them."""
