"""Frozen records that cost next to nothing to make.

A frozen dataclass sets its fields one by one past its own guard: 3 µs for six of them, where a
msgspec struct takes 0.2. A request makes some thirty records on its way.
"""

from typing import ClassVar

import msgspec


class Record(msgspec.Struct, frozen=True):
    """What a frozen dataclass is: compared by value, hashable, and shown by its fields.

    Fields named in `UNSHOWN` never appear in a repr, and so in no log: what people write, keys.
    """

    UNSHOWN: ClassVar[frozenset[str]] = frozenset()

    def __repr__(self) -> str:
        fields = (name for name in self.__struct_fields__ if name not in self.UNSHOWN)
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in fields)
        return f"{type(self).__name__}({shown})"
