"""Proxymodules that come with the agent: what speaks with devices, each as a proxytype.

Each is run once for all devices of a process: what one keeps of a device is in ``__context__``, never in a global.
"""
