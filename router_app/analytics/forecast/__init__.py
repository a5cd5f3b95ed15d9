"""What a budget will have cost at the end of its period, and when it runs out. Pure.

- `outlook.py`   the forecast: an 80 % interval, a path day by day, the run-out date. Start here
- `history.py`   what is handed in: days and what they cost
- `past.py`      the same, laid out: level × weekday's share × surprise
- `weekdays.py`  the weekdays' shares
- `levels.py`    the level, followed from day to day
- `record.py`    how wrong one would have been in the past, and so how wide the interval must be
- `paths.py`     ways in which the days ahead may go
- `grounds.py`   what a forecast rests on, in words
- `track.py`     how good the last forecasts were

docs/forecast.md says why it is done so and how well it does. Not here: reading what was spent.
"""

from router_app.analytics.forecast.history import History, TooLittle
from router_app.analytics.forecast.outlook import Band, Forecast, RunOut, Study, forecast, study
from router_app.analytics.forecast.track import Track, Tried, backtest

__all__ = [
    "Band",
    "Forecast",
    "History",
    "RunOut",
    "Study",
    "TooLittle",
    "Track",
    "Tried",
    "backtest",
    "forecast",
    "study",
]
