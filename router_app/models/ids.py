"""Ids of the rows that every request writes."""

import os
import time
import uuid


def new_id() -> uuid.UUID:
    """A version 7 UUID (RFC 9562): the time in milliseconds, then chance.

    Rows made one after the other get neighbouring ids, so their indexes grow at one end. With
    random ids each insert into a table of a million rows would touch a page of its own.
    """
    chance = int.from_bytes(os.urandom(10))
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds << 80 | 0x7 << 76 | (chance >> 68) << 64 | 0b10 << 62
    return uuid.UUID(int=value | chance & (1 << 62) - 1)
