"""Statements that wait for others are there when anybody looks, in their order, or not at all."""

from collections.abc import Iterator

import pytest
from django.db import IntegrityError, connection, transaction

from router_app.models import User
from router_app.models.postgresql import run, run_later, together
from router_app.models.rows import update_rows

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _numbers() -> Iterator[None]:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite is in the same process")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE numbers (number integer PRIMARY KEY)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE numbers")


def insert(number: int) -> None:
    run_later(connection, "INSERT INTO numbers VALUES (%s)", [number])


def numbers() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT number FROM numbers ORDER BY number")
        return [number for (number,) in cursor.fetchall()]


def test_they_are_committed() -> None:
    with transaction.atomic(), together(connection):
        insert(1)
        insert(2)
    assert numbers() == [1, 2]


def test_a_statement_that_is_read_comes_after_those_that_wait() -> None:
    with transaction.atomic(), together(connection):
        insert(1)
        insert(2)
        found = run(connection, "UPDATE numbers SET number = number + %s RETURNING number", [10])
        insert(3)
    assert found == ([(11,), (12,)], 2)
    assert numbers() == [3, 11, 12]


def test_a_count_is_that_of_the_last_statement() -> None:
    with transaction.atomic(), together(connection):
        insert(1)
        insert(2)
        assert run(connection, "DELETE FROM numbers WHERE number = %s", [2]) == ([], 1)


def test_whoever_asks_by_another_way_comes_after_them(alice: User) -> None:
    with transaction.atomic(), together(connection):
        insert(1)
        assert numbers() == [1]
        update_rows(User, ("id", "first_name"), [(alice.pk, "Alice")])
        assert User.objects.get(pk=alice.pk).first_name == "Alice"


def test_one_that_fails_undoes_all_and_says_so_before_the_commit() -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), together(connection):
        insert(1)
        insert(1)
    assert numbers() == []


def test_one_that_fails_is_told_to_whoever_reads_next() -> None:
    with transaction.atomic(), together(connection):
        insert(1)
        insert(1)
        with pytest.raises(IntegrityError):
            run(connection, "SELECT 1", [])
        transaction.set_rollback(True)
    assert numbers() == []


def test_what_waits_is_gone_with_the_block_that_failed() -> None:
    with pytest.raises(ValueError, match="no"), transaction.atomic(), together(connection):
        insert(1)
        raise ValueError("no")
    assert numbers() == []
    insert(2)
    assert numbers() == [2]


def test_outside_nothing_waits() -> None:
    with transaction.atomic():
        insert(1)
        assert numbers() == [1]
