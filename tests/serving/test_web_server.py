"""Where the server listens, and what is said when it cannot."""

import socket
from collections.abc import Iterator

import pytest

from budgetrouter.serving.problem import Problem
from budgetrouter.serving.web_server import answers, bind_address, check_port, visit_address


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    ("host", "bound", "visited"),
    [
        ("127.0.0.1", "127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("0.0.0.0", "0.0.0.0:8000", "http://127.0.0.1:8000"),
        ("::1", "[::1]:8000", "http://[::1]:8000"),
        ("[::]", "[::]:8000", "http://[::1]:8000"),
        ("localhost", "localhost:8000", "http://localhost:8000"),
    ],
)
def test_addresses(host: str, bound: str, visited: str) -> None:
    assert bind_address(host, 8000) == bound
    assert visit_address(host, 8000) == visited


def test_a_taken_port_is_named_with_a_free_one(taken_port: int) -> None:
    with pytest.raises(Problem, match=f"Port {taken_port} is already in use.*PORT=") as caught:
        check_port("127.0.0.1", taken_port)
    suggested = int(str(caught.value).rpartition("PORT=")[2])
    assert suggested > taken_port
    check_port("127.0.0.1", suggested)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(Problem, match=r"BIND_HOST=192\.0\.2\.1"):
        check_port("192.0.2.1", 8000)


@pytest.mark.parametrize("host", ["not a host", "nowhere.invalid"])
def test_a_name_that_means_nothing_is_refused(host: str) -> None:
    with pytest.raises(Problem, match="BIND_HOST"):
        check_port(host, 8000)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_does_not_exist_is_refused(port: int) -> None:
    with pytest.raises(Problem, match=f"{port}"):
        check_port("127.0.0.1", port)


def test_nobody_answers_at_a_free_port(taken_port: int) -> None:
    assert not answers(f"http://127.0.0.1:{taken_port}/health", seconds=0.1)
