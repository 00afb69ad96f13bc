"""The SMART attributes of SATA disks, asked of the disk: a source of ``smart``.

A command of ATA's is wrapped into one of SCSI's (ATA PASS-THROUGH (16), T10's SAT) and sent by ``SG_IO`` (sg(4)), which
takes root. The disk's answers, as in ATA8-ACS:

* SMART READ DATA: 512 bytes whose sum is 0 modulo 256; from byte 2 on thirty attributes of twelve bytes, ``u8 id |
  u16 flags | u8 value | u8 worst | 6 bytes raw | u8``. What is in the raw bytes is the maker's, but all agree about
  those that are told here.
* SMART RETURN STATUS and CHECK POWER MODE: registers in the sense data, after a descriptor's ``09 0c``.
"""

from __future__ import annotations

import array
import fcntl
import os
import struct

from saltern.named import NamedTuple

SG_IO = 0x2285
HEADER = struct.Struct("@iiBBHIPPPIIiPBBBBHHiII0P")
"""interface direction | command_len sense_len iovecs | data_len data command sense | timeout flags pack_id user |
status masked msg sense_written host driver | residue duration info (scsi/sg.h)."""

STATUS, HOST_STATUS = 13, 17
"""Where in the header's fields these two are."""

NONE, FROM_DEVICE = -1, -3
CHECK_CONDITION = 2
DATA_BYTES = 512
SENSE_BYTES = 32
TIMEOUT_MS = 3000

READ_DATA = bytes.fromhex("85 08 0e 00 d0 00 01 00 00 00 4f 00 c2 00 b0 00")
RETURN_STATUS = bytes.fromhex("85 06 2c 00 da 00 00 00 00 00 4f 00 c2 00 b0 00")
CHECK_POWER_MODE = bytes.fromhex("85 06 20 00 00 00 00 00 00 00 00 00 00 00 e5 00")

STANDBY = 0x00
GOOD, FAILING = (0x4F, 0xC2), (0xF4, 0x2C)

ATTRIBUTES = {
    5: ("reallocated_sectors", 2),
    9: ("power_on_hours", 3),
    12: ("power_cycles", 3),
    187: ("uncorrectable_errors", 2),
    190: ("temperature", 1),
    194: ("temperature", 1),
    197: ("pending_sectors", 4),
    198: ("unreadable_sectors", 4),
    199: ("cable_errors", 4),
}
"""Our name, and of how many of the raw bytes the number is made: makers put other things into the rest."""


class Registers(NamedTuple):
    """What a command left in the disk's registers."""

    sector_count: int
    lba_mid: int
    lba_high: int


def parse_attributes(data: bytes) -> dict[str, float]:
    """Return the attributes by our names, ``{}`` when *data* is damaged or something else."""
    if len(data) != DATA_BYTES or sum(data) % 256 or not any(data):
        return {}
    found: dict[str, float] = {}
    for at in range(2, 362, 12):
        if data[at] in ATTRIBUTES:
            name, size = ATTRIBUTES[data[at]]
            found[name] = int.from_bytes(data[at + 5 : at + 5 + size], "little")
    return found


def parse_registers(sense: bytes) -> Registers | None:
    """Return the registers in descriptor-format sense data, None when there are none."""
    if len(sense) < 22 or sense[0] & 0x7F != 0x72 or sense[8:10] != b"\x09\x0c":
        return None
    return Registers(sense[13], sense[17], sense[19])


class Disk:
    """A disk's device, open. Raises ``OSError`` when it isn't there or may not be opened."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)

    def sleeps(self) -> bool:
        """Return whether it stands still: a question for its attributes would start it."""
        registers = parse_registers(self._send(CHECK_POWER_MODE, 0)[1])
        return registers is not None and registers.sector_count == STANDBY

    def attributes(self) -> dict[str, float]:
        """Return its attributes by our names."""
        return parse_attributes(self._send(READ_DATA, DATA_BYTES)[0])

    def healthy(self) -> bool | None:
        """Return whether it finds itself good, None when it doesn't say."""
        registers = parse_registers(self._send(RETURN_STATUS, 0)[1])
        return {GOOD: True, FAILING: False}.get(registers[1:]) if registers else None

    def _send(self, command: bytes, size: int) -> tuple[bytes, bytes]:
        """Return the data and the sense data that *command* gave. Raises ``OSError``."""
        data, sense, sent = (array.array("B", content) for content in (bytes(size), bytes(SENSE_BYTES), command))
        header = bytearray(HEADER.size)
        direction = FROM_DEVICE if size else NONE
        places = [each.buffer_info()[0] if len(each) else 0 for each in (data, sent, sense)]
        fields = [ord("S"), direction, len(command), SENSE_BYTES, 0, size, *places, TIMEOUT_MS, *[0] * 12]
        HEADER.pack_into(header, 0, *fields)
        fcntl.ioctl(self._descriptor, SG_IO, header)
        answer = HEADER.unpack(header)
        if answer[HOST_STATUS] or answer[STATUS] not in (0, CHECK_CONDITION) or (size and answer[STATUS]):
            raise OSError(f"{self._path} did not take the command")
        return data.tobytes(), sense.tobytes()

    def close(self) -> None:
        """Close the device."""
        os.close(self._descriptor)
