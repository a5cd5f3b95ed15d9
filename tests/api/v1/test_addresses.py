"""Addresses and methods that nothing answers. None of this asks the database."""

import pytest

from tests.api.v1.calling import COMPLETIONS, STRANGER, assert_is_error


@pytest.mark.parametrize(
    "path",
    [
        "/v1",
        "/v1/",
        "/v1/chat",
        "/v1/chat/completions/",
        "/v1/completions",
        "/v1/embeddings",
        "/v1/models/",
        "/openai/v1",
        "/openai/v1/audio/speech",
    ],
)
def test_what_is_nowhere(path: str) -> None:
    assert_is_error(STRANGER.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", COMPLETIONS, "POST"),
        ("HEAD", COMPLETIONS, "POST"),
        ("OPTIONS", COMPLETIONS, "POST"),
        ("PUT", "/openai/v1/chat/completions", "POST"),
        ("POST", "/v1/models", "GET, HEAD"),
        ("DELETE", "/v1/models/openai/gpt-oss-20b", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(method: str, path: str, allowed: str) -> None:
    response = STRANGER.get(path, method)

    assert response.headers["allow"] == allowed
    if method != "HEAD":
        assert_is_error(response, 405, "method_not_allowed")
