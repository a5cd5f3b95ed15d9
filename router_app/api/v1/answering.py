"""From a request that has been read to its reply: the place for whatever goes around an answer."""

from router_app.api.v1.addresses import MODELS, Address
from router_app.api.v1.asgi import Headers
from router_app.api.v1.completions import complete
from router_app.api.v1.models import list_models, retrieve_model
from router_app.api.v1.once import claim_in, complete_once
from router_app.api.v1.outgoing import Reply, json_reply
from router_app.api.v1.requests import ChatBody
from router_app.gateway.keys import Principal
from router_app.records import Record


class Asked(Record, frozen=True):
    """Who asks for what. `chat` is None where there is no body to read."""

    UNSHOWN = frozenset({"headers", "body"})

    address: Address
    caller: Principal
    headers: Headers
    body: bytes = b""
    chat: ChatBody | None = None

    @property
    def streams(self) -> bool:
        """Whether the reply comes piece by piece, and ends where the client leaves."""
        return self.chat is not None and self.chat.streams


async def answer(asked: Asked) -> Reply:
    """The reply. Raises RouterError where there is none."""
    if asked.chat is not None:
        return await _completion(asked, asked.chat)
    if asked.address.route == MODELS:
        return json_reply(await list_models())
    return json_reply(await retrieve_model(asked.address.model))


async def _completion(asked: Asked, chat: ChatBody) -> Reply:
    """A dry run calls nothing, so that a key for it has no meaning."""
    if not chat.wishes.dry_run:
        claim = claim_in(asked.headers, asked.caller, asked.body)
        if claim is not None:
            return await complete_once(claim, chat, asked.caller)
    return await complete(chat, asked.caller)
