"""Collects the static files, hashed and compressed, when one of them changed."""

import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

MANIFEST = "staticfiles.json"
STAMP = "sources.sha256"


def collect_if_changed() -> bool:
    """Run collectstatic unless the sources are those of the last time; whether it ran.

    Compressing a few hundred files takes seconds, comparing their sizes and dates milliseconds.
    """
    wanted, collected = _fingerprint(), Path(settings.STATIC_ROOT)
    stamp = collected / STAMP
    is_there = (collected / MANIFEST).exists()
    if is_there and stamp.exists() and stamp.read_text() == wanted:
        return False
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(wanted)
    return True


def _fingerprint() -> str:
    """SHA-256 over path, size and time of change of every source."""
    digest = hashlib.sha256(str(settings.STATIC_ROOT).encode())
    for finder in get_finders():
        for name, storage in finder.list([]):
            path = Path(storage.path(name))
            facts = path.stat()
            digest.update(f"{path}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()
