"""The one memory of failing models in this process."""

from router_app.providers.cooling import Cooling

cooling = Cooling()
