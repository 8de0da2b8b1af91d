# SPDX-License-Identifier: LGPL-2.1-or-later
"""The two nodes of the kernel's mock CXL device, as root sees them: the kernel's calls, and nothing of fwctld.

Numbers and layouts: include/uapi/fwctl/fwctl.h, include/uapi/linux/cxl_mem.h.
"""
import ctypes
import fcntl
import os
import struct
import uuid

FWCTL_RPC = 0x9A01
CXL_MEM_QUERY_COMMANDS = 0x8008CE01
CXL_MEM_SEND_COMMAND = 0xC030CE02

GET_FEATURE = 0x0501
FEATURE = uuid.UUID("ffffffff-ffff-ffff-ffff-ffffffffffff")  # the one that the mock has
FEATURE_SIZE = 4



def call(node, number, argument):
    descriptor = os.open(node, os.O_RDWR)
    try:
        return fcntl.ioctl(descriptor, number, argument)
    finally:
        os.close(descriptor)


def get_feature(node):
    """The value of FEATURE, through a fwctl node."""
    payload = FEATURE.bytes + struct.pack("<HHB", 0, FEATURE_SIZE, 0)
    message = struct.pack("<IIII", GET_FEATURE, 0, len(payload), 0) + payload
    given = ctypes.create_string_buffer(message, len(message))
    answer = ctypes.create_string_buffer(8 + FEATURE_SIZE)
    call(node, FWCTL_RPC,
         struct.pack("=IIIIQQ", 32, 1, len(message), len(answer), ctypes.addressof(given), ctypes.addressof(answer)))
    size, status = struct.unpack_from("<II", answer)
    assert (size, status) == (FEATURE_SIZE, 0), (size, status)
    return answer.raw[8:]


def send_command(node, number, payload, size):
    """The answer to a command, through a mailbox node; number: enum cxl_mem_command_id."""
    given = ctypes.create_string_buffer(payload, len(payload))
    answer = ctypes.create_string_buffer(size)
    done = call(node, CXL_MEM_SEND_COMMAND,
                struct.pack("=IIIIiIQiIQ", number, 0, 0, 0, len(payload), 0,
                            ctypes.addressof(given) if payload else 0, size, 0, ctypes.addressof(answer)))
    status, length = struct.unpack_from("=I", done, 12)[0], struct.unpack_from("=i", done, 32)[0]
    assert status == 0
    return answer.raw[:length]


def query_commands(node, count):
    """The kernel's list of commands, 16 bytes each, in room for `count` of them."""
    query = bytearray(struct.pack("=II", count, 0) + bytes(16 * count))
    call(node, CXL_MEM_QUERY_COMMANDS, query)
    return bytes(query[8:])
