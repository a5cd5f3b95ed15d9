"""How a delivery can end, each with a sentence that may be shown to whoever set the webhook up.

Sentences are ours: nothing that a receiver, a resolver or a library said is in them, except the
number of a status. So they tell nobody what an address that is not theirs would have answered.
"""

import ssl
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What became of it."""

    DELIVERED = "delivered"
    REFUSED_ADDRESS = "refused_address"  # we do not send there
    DNS = "dns"  # the host name leads nowhere
    CONNECT = "connect"  # nobody took the connection
    TLS = "tls"  # nobody who can prove to be the host
    TIMEOUT = "timeout"
    BROKEN = "broken"  # the connection ended before the answer's head did
    NOT_HTTP = "not_http"
    TOO_LARGE = "too_large"  # the head of the answer
    REDIRECT = "redirect"  # 3xx, which is never followed
    STATUS = "status"  # another status that is not 2xx


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one attempt. `retry`: another may go better."""

    kind: Kind
    sentence: str
    retry: bool
    status: int | None = None

    @property
    def is_delivered(self) -> bool:
        """The receiver has it."""
        return self.kind is Kind.DELIVERED


class Undelivered(Exception):
    """Carries the outcome to `deliver`, which returns it."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.sentence)
        self.outcome = outcome


_SENTENCES = {
    Kind.REFUSED_ADDRESS: (
        "The host leads to a private, local or reserved address, where webhooks are never sent."
    ),
    Kind.DNS: "The host name leads nowhere.",
    Kind.CONNECT: "The receiver took no connection.",
    Kind.BROKEN: "The receiver closed the connection before it answered.",
    Kind.NOT_HTTP: "The receiver's answer is not HTTP.",
    Kind.TOO_LARGE: "The receiver's answer has too large a head.",
}
# Numbers of OpenSSL's X509_V_ERR_...
_CERTIFICATES = {
    9: "is not valid yet",
    10: "has expired",
    18: "is signed by nobody but itself",
    19: "is signed by nobody we know",
    20: "is signed by nobody we know, or came without those between",
    62: "is for another host name",
    64: "is for another address",
}


def failed(kind: Kind) -> Outcome:
    """The outcome for a failure of which there is no more to say.

    A refused address is not tried again: what it led to once is no accident. All else may pass.
    """
    return Outcome(kind, _SENTENCES[kind], retry=kind is not Kind.REFUSED_ADDRESS)


def refused(sentence: str) -> Outcome:
    """The outcome for a URL that is not used."""
    return Outcome(Kind.REFUSED_ADDRESS, sentence, retry=False)


def too_slow(what: str, seconds: float) -> Outcome:
    """The outcome for a limit that passed."""
    return Outcome(Kind.TIMEOUT, f"The receiver {what} within {seconds:g} s.", retry=True)


def untrusted(error: ssl.SSLError) -> Outcome:
    """The outcome for a receiver that could not prove who it is, and was told nothing.

    To be tried again: a certificate that expired overnight is renewed in the morning.
    """
    sentence = "No TLS connection to the receiver could be made."
    if isinstance(error, ssl.SSLCertVerificationError):
        fault = _CERTIFICATES.get(error.verify_code, "cannot be trusted")
        sentence = f"The receiver's certificate {fault}."
    return Outcome(Kind.TLS, sentence, retry=True)


def answered(status: int) -> Outcome:
    """The outcome for an answer. 410 (Gone) is a receiver's way to say never again."""
    if 200 <= status < 300:
        return Outcome(Kind.DELIVERED, f"Delivered (HTTP {status}).", False, status)
    if 300 <= status < 400:
        sentence = f"The receiver sent us elsewhere (HTTP {status}); redirects are not followed."
        return Outcome(Kind.REDIRECT, sentence, True, status)
    sentence = f"The receiver answered with HTTP {status}."
    return Outcome(Kind.STATUS, sentence, status != 410, status)
