"""`/price/`: what the prompt in the composer would cost, while it is being written.

Asked with every pause in typing, so it holds nothing, sends nothing and keeps nothing. The prompt
comes in the body of a POST and goes nowhere else: neither into an address, a log nor a cache.
Without script a button asks for the page with its price, and everything that was typed stays.
"""

from dataclasses import replace

from asgiref.sync import sync_to_async
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from router_app.errors import BudgetExceeded, RouterError
from router_app.gateway import service
from router_app.models import Conversation
from router_app.web import replies
from router_app.web.access import person_required
from router_app.web.chat import read_composer
from router_app.web.composer import ComposerForm
from router_app.web.exchanges import Exchange
from router_app.web.memory import Memory
from router_app.web.price_tags import PriceTag, offer_tag, problem_tag, refusal_tag
from router_app.web.signed_in import SignedIn

FRESH = "fresh"  # the button that leaves the earlier turns behind


@require_POST
@never_cache
@person_required
async def price(request: SignedIn) -> HttpResponseBase:
    """The price tag of what is in the composer; with `fresh`, in a new conversation."""
    found, form, exchange = await sync_to_async(read_composer)(request, fresh=FRESH in request.POST)
    tag = problem_tag(form) if exchange is None else await _tag(request, exchange)
    return await sync_to_async(_shown)(request, found, form, tag)


async def _tag(request: SignedIn, exchange: Exchange) -> PriceTag:
    try:
        preview = await service.preview(exchange.as_request())
    except RouterError as error:
        fits_alone = isinstance(error, BudgetExceeded) and await _fits_alone(exchange)
        tell = sync_to_async(refusal_tag)
        return await tell(exchange, error, request.user, fits_alone=fits_alone)
    return offer_tag(exchange, preview)


async def _fits_alone(exchange: Exchange) -> bool:
    """Whether the earlier turns are what makes it too dear."""
    if not exchange.memory.turns:
        return False
    try:
        await service.preview(replace(exchange, memory=Memory()).as_request())
    except RouterError:
        return False
    return True


def _shown(
    request: SignedIn, found: Conversation | None, form: ComposerForm, tag: PriceTag
) -> HttpResponse:
    if not request.headers.get("HX-Request"):
        if tag.is_empty or tag.problem:  # the form says what is wrong
            return replies.invalid(request, found, form)
        return replies.page(request, found, form, price=tag)
    if FRESH in request.POST:
        return replies.fresh(request, form, tag)
    return HttpResponse() if tag.is_empty else render(request, "chat/price.html", {"price": tag})
