"""A provider's table: read however it is spelled, refused as a whole where anything is amiss."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_app.bills.table import MOST_BYTES, MOST_LINES, MOST_TOLD, Line, Unreadable, read_table
from router_app.money import NANOS_PER_USD

OCTOBER = (date(2026, 10, 1), date(2026, 10, 31))
HEAD = "model,date,amount"


def one(text: str | bytes) -> Line:
    (line,) = read_table(text.encode() if isinstance(text, str) else text)
    return line


def amount(cell: str, *others: str) -> int:
    """The first line's amount in a table with semicolons, in which commas need no quotes."""
    rows = "".join(f"m;2026-10;{each}\n" for each in (cell, *others))
    return read_table(f"model;date;amount\n{rows}".encode())[0].amount_nanos


def problems(data: str | bytes) -> list[str]:
    with pytest.raises(Unreadable) as refused:
        read_table(data.encode() if isinstance(data, str) else data)
    return refused.value.problems


@pytest.mark.parametrize(
    "text",
    [
        "model,date,amount\nm/1,2026-10,12.40\n",
        "Model ID;Month;Total cost (USD)\r\nm/1;2026-10;12,40\r\n",
        "\ufeffMODEL\tBilling Month\tCost\nm/1\tOct 2026\t$12.40",
        "sep=;\nmodel;usage_date;spend\nm/1;10/2026;US$ 12.4\n",
        'requests,"Model Name",period,"Amount, USD"\n3,"m/1","October 2026","12.400"\n',
        "\n\nmodel|month|charges\n\nm/1|2026/10|12.40 USD\n\nTotal||12.40\n",
        "model,provider,day,cost\nm/1,,2026-10,1.24e+01\n",
    ],
)
def test_headers_delimiters_and_signs_do_not_matter(text: str) -> None:
    line = one(text)
    assert (line.model, line.first, line.last) == ("m/1", *OCTOBER)
    assert line.amount_nanos == 12_400_000_000


def test_utf_16_of_a_spreadsheet_is_read() -> None:
    assert one(f"{HEAD}\nm,2026-10,1\n".encode("utf-16")).amount_nanos == NANOS_PER_USD


@pytest.mark.parametrize(
    ("cell", "first", "last"),
    [
        ("2026-10-25", date(2026, 10, 25), date(2026, 10, 25)),
        ("2026-10-25T00:00:00Z", date(2026, 10, 25), date(2026, 10, 25)),
        ("2026/2", date(2026, 2, 1), date(2026, 2, 28)),
        ("2028-02", date(2028, 2, 1), date(2028, 2, 29)),
        ("31.12.2026", date(2026, 12, 31), date(2026, 12, 31)),
        ("10/25/2026", date(2026, 10, 25), date(2026, 10, 25)),
        ("25/10/2026", date(2026, 10, 25), date(2026, 10, 25)),
        ("5/5/2026", date(2026, 5, 5), date(2026, 5, 5)),
        ("2100-12", date(2100, 12, 1), date(2100, 12, 31)),
    ],
)
def test_days_and_months(cell: str, first: date, last: date) -> None:
    line = one(f"{HEAD}\nm,{cell},1\n")
    assert (line.first, line.last) == (first, last)


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("03/04/2026", "could be two days"),
        ("2026-02-30", "is no day of the calendar"),
        ("2026-13", "is no day of the calendar"),
        ("1999-10", "is not between 2000 and 2100"),
        ("9999-12-31", "is not between"),
        ("0000-00", "is not between"),
        ("Brumaire 2026", "names no month"),
        ("yesterday", "is not a month or day"),
        ("٢٠٢٦-١٠", "is not a month or day"),
        ("", "is not a month or day"),
        ("2026-10-25T13:00:00Z", "is not a month or day"),
    ],
)
def test_days_that_make_no_sense_are_told_with_line_and_column(cell: str, why: str) -> None:
    (problem,) = problems(f"model,Day,amount\nm,2026-10,1\nm,{cell},1\n")
    assert problem.startswith("Line 3, column “Day”: ")
    assert why in problem


@pytest.mark.parametrize(
    ("cell", "nanos"),
    [
        ("0", 0),
        ("$1,234.50", 1_234_500_000_000),
        ("1.234,50", 1_234_500_000_000),
        ("12,4", 12_400_000_000),
        (".5", 500_000_000),
        ("1.234", 1_234_000_000),  # as programs write it
        ("0,123", 123_000_000),  # no thousand begins with 0
        ("1e-05", 10_000),
        ("0.0000000015", 2),
        ("1 000.5", 1_000_500_000_000),
    ],
)
def test_amounts(cell: str, nanos: int) -> None:
    assert amount(cell) == nanos


def test_the_other_amounts_say_what_a_comma_is() -> None:
    assert amount("1,234", "0.5") == 1_234 * NANOS_PER_USD
    assert amount("1,234", "0,5") == 1_234_000_000
    assert amount("1.234", "0,5") == 1_234 * NANOS_PER_USD


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("1,234", "could be 1234 and 1.234"),
        ("-3", "is below nothing"),
        ("(3.00)", "is below nothing"),
        ("€3", "is not an amount of US dollars"),
        ("", "is not an amount"),
        ("NaN", "is not an amount"),
        ("Infinity", "is not an amount"),
        ("1e999", "is too large"),
        ("1,234,567", "is more than a million"),
        ("2.000.000", "is more than a million"),
        ("1" * 41, "is too long"),
        ("=1+1", "is not an amount"),
        ("=cmd|'/C calc'!A0", "is not an amount"),
        ("1.2.3", "is not an amount"),
        ("１２", "is not an amount"),
        ("0x10", "is not an amount"),
    ],
)
def test_amounts_that_make_no_sense_are_told(cell: str, why: str) -> None:
    (problem,) = problems(f"model;date;Cost\nm;2026-10;{cell}\n")
    assert problem.startswith("Line 2, column “Cost”: ")
    assert why in problem


def test_two_ways_to_write_decimals_in_one_table_are_refused() -> None:
    (problem,) = problems("model;date;cost\nm;2026-10;1.5\nm;2026-11;2,5\n")
    assert (
        problem == "Line 3, column “cost”: “2,5” has a decimal comma, others have a decimal point."
    )


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"\n , ,\n", "empty"),
        (HEAD.encode(), "a head and no lines"),
        (b"model,date\nm,2026-10\n", "Line 1: no column is called amount."),
        (b"m,2026-10,1\n", "no column is called model"),
        (b"model,date,cost,total\nm,2026-10,1,2\n", "“cost” and “total” could both be the amount"),
        (b"model,date,amount\nm\x00,2026-10,1\n", "NUL"),
        (b"model,date,amount\n\xff\xfe,2026-10,1\n", "UTF-8"),
        (b"PK\x03\x04\xff", "UTF-8"),
        (b"\xff\xfe\xff", "UTF-8"),
        (b'model,date,amount\n"m,2026-10,1\n', "Line 2 is not CSV"),
        (b'model,date,amount\n"m"x,2026-10,1\n', "Line 2 is not CSV"),
        (b'model,date,amount\n"' + b"x" * 140_000 + b'",2026-10,1\n', "Line 2 is not CSV"),
        (b"x" * (MOST_BYTES + 1), "larger than 256 KiB"),
        (HEAD.encode() + b"\nm,2026-10,1" * (MOST_LINES + 1), "more than 1,000 lines"),
        (b"model,date,amount\n,2026-10,1\n", "names no model"),
        (b"model,date,amount\n" + b"m" * 161 + b",2026-10,1\n", "names no model"),
        (b"model,date,amount\nm\n", "is not a month or day"),
    ],
)
def test_what_is_no_such_table_is_refused(data: bytes, why: str) -> None:
    assert any(why in problem for problem in problems(data))


def test_line_numbers_are_those_of_the_file() -> None:
    text = 'model,date,amount\n\n"two\nlines",2026-10,1\nm,2026-10,x\n'
    assert problems(text) == [
        "Line 5, column “amount”: “x” is not an amount of US dollars, such as 12.40."
    ]


def test_everything_that_is_wrong_is_told_up_to_a_few() -> None:
    told = problems(HEAD + "\nm,2026-10,x" * 30)
    assert len(told) == MOST_TOLD + 1
    assert told[-1] == "And 20 more."


def test_what_is_told_of_a_cell_is_short_and_printable() -> None:
    (problem,) = problems(f"{HEAD}\nm,2026-10,\x1b[31m{'x' * 500}\n")
    assert "\x1b" not in problem
    assert len(problem) < 200


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"{HEAD}\n{text}".encode()))
def test_whatever_is_sent_is_read_or_refused(data: bytes) -> None:
    try:
        lines = read_table(data)
    except Unreadable as refused:
        assert refused.problems
    else:
        assert all(line.amount_nanos >= 0 and line.first <= line.last for line in lines)
