"""What a request needs that not every model can do."""

from enum import StrEnum


class Need(StrEnum):
    """An ability that the catalogue knows of each model."""

    TOOLS = "tools"
    VISION = "vision"
    JSON_MODE = "json_mode"
    JSON_SCHEMA = "json_schema"
