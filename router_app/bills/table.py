"""A provider's table of costs as CSV, read forgivingly and never by halves. Pure.

Headers may be called what providers call them; the delimiter, a byte order mark and signs of
currency do not matter. Cells are text and are only compared: nothing in them is ever run.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from router_app.bills.amounts import amounts_of
from router_app.bills.periods import days_of

MOST_BYTES = 256 * 1024
MOST_LINES = 1_000
MOST_TOLD = 10  # of what is wrong
LONGEST_CELL = 160
SHOWN = 40  # characters of a cell that is wrong

MODEL, PERIOD, AMOUNT, PROVIDER = "model", "date", "amount", "provider"
NAMES = {
    MODEL: {"model", "modelid", "modelname", "modelslug"},
    PERIOD: {"date", "day", "month", "period", "usagedate", "billingmonth", "billingperiod"},
    AMOUNT: {"amount", "cost", "total", "totalcost", "totalamount", "usd",
             "charge", "charges", "spend", "spent", "price", "billed"},
    PROVIDER: {"provider", "vendor"},
}  # fmt: skip
DELIMITERS = ",;\t|"
_Head = Mapping[str, int]
_Lines = Mapping[int, Sequence[str]]  # by their numbers in the file


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: what was billed for a model from its first to its last day."""

    number: int  # in the file, from 1
    provider: str  # as it is spelled; empty where the table has no such column
    model: str
    first: date
    last: date
    amount_nanos: int


class Unreadable(Exception):
    """The table cannot be taken; `problems` are sentences that name lines and columns."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(problems[0])
        rest = len(problems) - MOST_TOLD
        self.problems = [*problems[:MOST_TOLD], *([f"And {rest} more."] if rest > 0 else [])]


def read_table(data: bytes) -> list[Line]:
    """All lines of the table. Raises Unreadable where there is anything wrong with any of it."""
    text = _text(data)
    rows = _rows(text, _delimiter(text))
    if not rows:
        raise Unreadable(["The table is empty."])
    number, names = rows[0]
    head = _head(number, names)
    lines = {line: row for line, row in rows[1:] if not _is_sum(row, head)}
    if not lines:
        raise Unreadable(["The table has a head and no lines."])
    if len(lines) > MOST_LINES:
        raise Unreadable([f"The table has more than {MOST_LINES:,} lines; send it in parts."])
    return _lines(lines, head, names)


def _text(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise Unreadable([f"The table is larger than {MOST_BYTES // 1024} KiB; send it in parts."])
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable(["The table is not text in UTF-8."]) from None
    if "\x00" in text:
        raise Unreadable(["The table is not text: it has NUL characters."])
    return text


def _delimiter(text: str) -> str:
    """The one that the head is cut by; a sheet's own `sep=;` is believed."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    told = re.fullmatch(r"sep=(.)", first.strip("\ufeff\r\n"))
    if told and told[1] in DELIMITERS:
        return told[1]
    return max(DELIMITERS, key=first.count)


def _rows(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """Lines that hold anything, with the numbers of where they begin."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, list[str]]] = []
    begins = 1
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells) and not cells[0].casefold().startswith("sep="):
                rows.append((begins, cells))
            begins = reader.line_num + 1
            if len(rows) > MOST_LINES + 2:  # a head and a sum
                break
    except csv.Error:
        raise Unreadable([f"Line {begins} is not CSV: a quotation mark is amiss."]) from None
    return rows


def _head(number: int, names: Sequence[str]) -> _Head:
    """Where the columns are. Others than these are left alone."""
    head: dict[str, int] = {}
    problems = []
    for column, known in NAMES.items():
        places = [at for at, name in enumerate(names) if _plain(name) in known]
        if len(places) > 1:
            both = " and ".join(f"“{_shown(names[at])}”" for at in places[:2])
            problems.append(f"Line {number}: {both} could both be the {column}.")
        elif places:
            head[column] = places[0]
        elif column != PROVIDER:
            problems.append(f"Line {number}: no column is called {column}.")
    if problems:
        raise Unreadable(problems)
    return head


def _plain(name: str) -> str:
    """Letters alone, without the currency: "Total cost (in USD)" is "totalcost"."""
    letters = re.sub(r"[^a-z]", "", name.casefold())
    return letters.removesuffix("usd").removesuffix("in") or letters


def _is_sum(row: Sequence[str], head: _Head) -> bool:
    """Whether the line sums up others: it says total and no day."""
    says = any(cell.casefold().rstrip(":") in ("total", "sum", "grand total") for cell in row)
    return says and not _cell(row, head[PERIOD])


def _lines(lines: _Lines, head: _Head, names: Sequence[str]) -> list[Line]:
    amounts, wrong = amounts_of({at: _cell(row, head[AMOUNT]) for at, row in lines.items()})
    problems: list[tuple[int, str]] = [
        (at, _problem(at, names[head[AMOUNT]], _cell(lines[at], head[AMOUNT]), why))
        for at, why in wrong.items()
    ]
    found = []
    for at, row in lines.items():
        cells = {column: _cell(row, place) for column, place in head.items()}
        try:
            first, last = days_of(cells[PERIOD])
        except ValueError as error:
            problems.append((at, _problem(at, names[head[PERIOD]], cells[PERIOD], str(error))))
            continue
        if not cells[MODEL] or len(cells[MODEL]) > LONGEST_CELL:
            problems.append((at, _problem(at, names[head[MODEL]], cells[MODEL], "names no model")))
        elif at in amounts:
            told = cells.get(PROVIDER, "")
            found.append(Line(at, told, cells[MODEL], first, last, amounts[at]))
    if problems:
        raise Unreadable(_in_order(problems))
    return found


def _in_order(problems: Iterable[tuple[int, str]]) -> list[str]:
    return [text for _, text in sorted(problems)]


def _problem(line: int, column: str, cell: str, why: str) -> str:
    return f"Line {line}, column “{_shown(column)}”: “{_shown(cell)}” {why}."


def _cell(row: Sequence[str], place: int) -> str:
    return row[place] if place < len(row) else ""


def _shown(cell: str) -> str:
    """Its beginning, without what no screen shows."""
    text = "".join(char if char.isprintable() else "\ufffd" for char in cell)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
