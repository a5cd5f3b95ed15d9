"""One message to one receiver, and what it is on the wire."""

import re
from dataclasses import dataclass, field

from router_app.webhooks.destination import Destination
from router_app.webhooks.signing import key_of, signed_headers

MAX_BODY_BYTES = 64 * 1024
USER_AGENT = "budget-router-webhooks"

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True)
class Message:
    """Made from what is stored, for each attempt anew. Its repr is its id: URLs hold tokens, too.

    Raises ValueError for an id with other characters than A-Z a-z 0-9 _ -, for what is no secret
    (`signing.new_secret`), and for a body above MAX_BODY_BYTES.
    """

    id: str  # the same for all attempts: receivers know by it what they have
    url: str = field(repr=False)
    secret: str = field(repr=False)
    body: bytes = field(repr=False)  # JSON

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError("a message's id is 1 to 128 of A-Z a-z 0-9 _ -")
        if len(self.body) > MAX_BODY_BYTES:
            raise ValueError(f"a message's body has at most {MAX_BODY_BYTES:,} bytes")
        key_of(self.secret)


def request_of(message: Message, destination: Destination, *, now: float) -> bytes:
    """The whole request, signed at `now`, in seconds since 1970."""
    lines = {
        "Host": destination.authority,
        "User-Agent": USER_AGENT,
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(len(message.body)),
        **signed_headers(message.secret, message.id, message.body, now=now),
    }
    head = [f"POST {destination.target} HTTP/1.1"]
    head += [f"{name}: {value}" for name, value in lines.items()]
    return "\r\n".join([*head, "", ""]).encode("ascii") + message.body
