"""The clock closes for everybody, so what it cannot close must not be everybody's trouble."""

from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError
from django.utils import timezone

from router_app.gateway import expiry
from router_app.gateway.requests import Admission
from router_app.models import Call, Reservation, User
from tests.gateway.asking import a_request
from tests.gateway.batching import Batch, admitted

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_call_that_cannot_be_closed_stops_nobody(
    alice: User,
    batches: list[Batch],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken, lost = admitted(batches, a_request(alice), a_request(alice))
    real = expiry.note_closed

    def note_closed(call: Call) -> None:
        if call.pk == broken.call_id:
            raise IntegrityError("somebody's SQL closed it half")
        real(call)

    monkeypatch.setattr(expiry, "note_closed", note_closed)
    with time_machine.travel(timezone.now() + timedelta(minutes=5)):
        (served,) = admitted(batches, a_request(alice))

    assert isinstance(served, Admission)
    assert Call.objects.get(pk=lost.call_id).outcome == "presumed"
    left = Reservation.objects.get(pk=broken.reservation_id)
    assert left.state == "sent"  # whole or not at all
    assert str(broken.reservation_id) in caplog.text
    assert "somebody" not in caplog.records[0].getMessage()
