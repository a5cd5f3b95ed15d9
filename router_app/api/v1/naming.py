"""What may stand under `model`: `auto` with wishes, or the id of one model."""

from functools import lru_cache

from router_app.api.v1.errors import ModelNotFound
from router_app.records import Record
from router_app.routing.tasks import Quality, Task

AUTO = "auto"
_TASKS = {str(task): task for task in Task}
_QUALITIES = {str(quality): quality for quality in Quality}


class Named(Record, frozen=True):
    """What the name says: one model, or what the router may choose by."""

    model: str | None = None
    task: Task | None = None
    quality: Quality | None = None


@lru_cache(maxsize=256)
def read_name(name: str) -> Named:
    """`auto`, `auto:code`, `auto:high`, `auto:code:high` in any order, else a catalogue id.

    Raises ModelNotFound for `auto:` with words that are neither a task nor a quality.
    """
    head, *words = name.split(":")
    if head != AUTO:
        return Named(model=name)
    task = quality = None
    for word in words:
        if word in _TASKS and task is None:
            task = _TASKS[word]
        elif word in _QUALITIES and quality is None:
            quality = _QUALITIES[word]
        else:
            raise ModelNotFound(
                "After 'auto:' come a task, a quality or both, such as 'auto:code:high'."
            )
    return Named(task=task, quality=quality)


def listed_names() -> list[str]:
    """The names of the router itself that `/v1/models` lists; both words together work as well."""
    return [AUTO, *(f"{AUTO}:{word}" for word in (*_TASKS, *_QUALITIES))]
