"""Records: frozen, compared by value, and silent about what must not be logged."""

import pytest

from router_app.records import Record


class Letter(Record, frozen=True):
    """From somebody, with what nobody else should read."""

    UNSHOWN = frozenset({"text"})

    sender: str
    text: str = ""


def test_what_is_unshown_is_in_no_repr() -> None:
    assert repr(Letter("ann", "a secret")) == "Letter(sender='ann')"
    assert "secret" not in str([Letter("ann", "a secret")])


def test_it_cannot_be_changed_and_is_compared_by_value() -> None:
    letter = Letter("ann", "hello")

    with pytest.raises(AttributeError):
        letter.sender = "bob"  # type: ignore[misc]
    assert letter == Letter("ann", "hello") != Letter("ann", "bye")
    assert len({letter, Letter("ann", "hello")}) == 1
