"""Members of OpenAI's requests that no provider here supports.

Many clients send them at the value that changes nothing. That value is taken; any other is refused
by name, because an answer that ignores what was asked for is worse than none.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

UNSUPPORTED = "unsupported_parameter"


@dataclass(frozen=True, slots=True, eq=False)  # `Annotated` would take 0 and False for one
class Only:
    """Annotation of a member that may be null or one of `values`, and nothing else."""

    values: tuple[Any, ...] = ()
    advice: str = "leave it out"

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._check)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"enum": [*self.values, None], "description": "Not supported otherwise."}

    def _check(self, value: Any) -> Any:
        if value is None or any(_same(value, known) for known in self.values):
            return value
        raise PydanticCustomError(UNSUPPORTED, f"is not supported here; {self.advice}")


def only(*values: Any) -> Only:
    """The member may be null or one of these."""
    return Only(values)


def _same(value: Any, known: Any) -> bool:
    """Equal as JSON: 0 and 0.0 are one number, 1 and true are not."""
    return isinstance(value, bool) is isinstance(known, bool) and bool(value == known)


NEVER = Only()
USE_TOOLS = Only(advice="use 'tools' and 'tool_choice'")
