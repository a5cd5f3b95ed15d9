"""The one error of starting and serving."""


class Problem(Exception):
    """The product cannot be started or kept running; the text says why and what to do."""
