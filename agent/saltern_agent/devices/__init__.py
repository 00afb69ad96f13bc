"""Devices that a host speaks for: imported when there is one."""
