"""The two words a caller says about a prompt: its task and the quality it deserves."""

from enum import StrEnum


class Task(StrEnum):
    """What kind of work the prompt is."""

    GENERAL = "general"
    CODE = "code"
    EMAIL = "email"
    SUMMARIZE = "summarize"


class Quality(StrEnum):
    """How good the answer must be; the policy gives each a floor on the quality score."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
