"""Ids of the rows that every request writes."""

import os
import time
import uuid

_CHANCE_BYTES = 10  # of an id


def new_id() -> uuid.UUID:
    """A version 7 UUID (RFC 9562): the time in milliseconds, then chance.

    Rows made one after the other get neighbouring ids, so their indexes grow at one end. With
    random ids each insert into a table of a million rows would touch a page of its own.
    """
    return new_ids(1)[0]


def new_ids(count: int) -> list[uuid.UUID]:
    """So many of them. The system is asked for chance once: while it answers, a thread gives the
    interpreter away, and has to wait to get it back."""
    milliseconds = time.time_ns() // 1_000_000
    time_and_version = milliseconds << 80 | 0x7 << 76 | 0b10 << 62
    chance = os.urandom(_CHANCE_BYTES * count)
    return [
        _id(time_and_version, int.from_bytes(chance[start : start + _CHANCE_BYTES]))
        for start in range(0, len(chance), _CHANCE_BYTES)
    ]


def _id(time_and_version: int, chance: int) -> uuid.UUID:
    return uuid.UUID(int=time_and_version | chance >> 68 << 64 | chance & (1 << 62) - 1)
