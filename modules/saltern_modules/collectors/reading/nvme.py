"""The health log of NVMe drives, asked of the drive: a source of ``smart``.

Log page 2 (NVM Express Base Specification, "SMART / Health Information"), little-endian, 512 bytes::

    0 u8 critical warning | 1 u16 temperature (K) | 3 u8 available spare (%) | 4 u8 its threshold | 5 u8 used (%) |
    32 u128 units read (512,000 bytes) | 48 u128 written | 112 u128 power cycles | 128 u128 power-on hours |
    144 u128 unsafe shutdowns | 160 u128 media errors | 176 u128 error log entries

It is asked for by an admin command (``struct nvme_admin_cmd``, include/uapi/linux/nvme_ioctl.h), which takes root.
"""

from __future__ import annotations

import array
import fcntl
import os
import struct

LOG_BYTES = 512
UNIT_BYTES = 512_000
KELVIN = 273
GET_LOG_PAGE = 0x02
HEALTH_LOG = 0x02
EVERY_NAMESPACE = 0xFFFFFFFF
TIMEOUT_MS = 2000
NVME_IOCTL_ADMIN_CMD = 0xC0484E41
COMMAND = struct.Struct("=BBHIIIQQIIIIIIIIII")
"""opcode flags rsvd | nsid cdw2 cdw3 | metadata addr | metadata_len data_len | cdw10 … cdw15 | timeout_ms result."""

_LOG = struct.Struct("<BHBBB")
_COUNTERS = {
    "bytes_read": (32, UNIT_BYTES),
    "bytes_written": (48, UNIT_BYTES),
    "power_cycles": (112, 1),
    "power_on_hours": (128, 1),
    "unsafe_shutdowns": (144, 1),
    "media_errors": (160, 1),
    "error_log_entries": (176, 1),
}


def parse_health(log: bytes) -> dict[str, float]:
    """Return what a drive says of its health, ``{}`` when *log* is too short."""
    if len(log) < LOG_BYTES:
        return {}
    warning, kelvin, spare, threshold, used = _LOG.unpack_from(log)
    found: dict[str, float] = {
        "healthy": int(warning == 0),
        "critical_warning": warning,
        "spare_percent": spare,
        "spare_threshold_percent": threshold,
        "used_percent": used,
    }
    if kelvin:  # 0: it isn't measured
        found["temperature"] = kelvin - KELVIN
    for name, (at, unit) in _COUNTERS.items():
        found[name] = int.from_bytes(log[at : at + 16], "little") * unit
    return found


def command(address: int) -> bytes:
    """Return the admin command that puts the health log at *address*."""
    dwords = LOG_BYTES // 4 - 1
    cdw10 = HEALTH_LOG | dwords << 16
    return COMMAND.pack(
        GET_LOG_PAGE, 0, 0, EVERY_NAMESPACE, 0, 0, 0, address, 0, LOG_BYTES, cdw10, 0, 0, 0, 0, 0, TIMEOUT_MS, 0
    )


def read_health(path: str) -> bytes:
    """Return the health log of the drive whose controller is the device *path*. Raises ``OSError``."""
    log = array.array("B", bytes(LOG_BYTES))
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        # What it returns above 0 is a status of the drive's.
        if fcntl.ioctl(descriptor, NVME_IOCTL_ADMIN_CMD, bytearray(command(log.buffer_info()[0]))):
            raise OSError(f"{path} refused to tell its health")
    finally:
        os.close(descriptor)
    return log.tobytes()
