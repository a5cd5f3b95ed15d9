"""Files with secrets: complete or not there, and readable by their owner alone."""

import os
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 600, replacing what was there in one step."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.replace(path)
