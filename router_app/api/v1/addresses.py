"""Which addresses there are, and what each answers.

/v1/chat/completions   POST   a conversation in, its next message out
/v1/models             GET    what may stand under `model`
/v1/models/{id}        GET    one of them; ids contain slashes

The same under /openai/v1, which Groq's clients append to their base URL.
"""

from router_app.api.errors import MethodNotAllowed, NotFound
from router_app.records import Record

PREFIXES = ("/v1", "/openai/v1")
_UNDER = tuple(f"{prefix}/" for prefix in PREFIXES)
COMPLETIONS = "/v1/chat/completions"
MODELS = "/v1/models"
MODEL = "/v1/models/{model}"

_ALLOWED = {COMPLETIONS: ["POST"], MODELS: ["GET", "HEAD"], MODEL: ["GET", "HEAD"]}


class Address(Record, frozen=True):
    """A route, and the model that the path names."""

    route: str
    model: str = ""


def is_v1(path: str) -> bool:
    """Whether this face answers at the path, be it with a 404."""
    return path.startswith(_UNDER) or path in PREFIXES


def find(path: str) -> Address:
    """Raises NotFound where there is nothing."""
    path = path.removeprefix("/openai")
    if path in (COMPLETIONS, MODELS):
        return Address(path)
    model = path.removeprefix(f"{MODELS}/")
    if model and model != path:
        return Address(MODEL, model)
    raise NotFound


def check_method(method: str, route: str) -> None:
    """Raises MethodNotAllowed, which names the right ones."""
    if method not in _ALLOWED[route]:
        raise MethodNotAllowed(_ALLOWED[route])
