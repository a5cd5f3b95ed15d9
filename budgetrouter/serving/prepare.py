"""What a checkout needs besides packages: `.env` with a secret, and the model where it answers.

`python -m budgetrouter.serving.prepare`, in `.venv`, before Django starts.
"""

import os
import re
import secrets
import signal
import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from budgetrouter.serving import install
from budgetrouter.serving.private_file import write_private

EMPTY_SECRET = re.compile(r"""^(?:export )?SECRET_KEY=[ \t]*(?:''|"")?[ \t]*$""", re.MULTILINE)
ANY_SECRET = re.compile(r"^(?:export )?SECRET_KEY=", re.MULTILINE)


def ensure_env_file(path: Path, example: Path) -> bool:
    """Make `.env` from the example, or fill in its secret; whether anything was written.

    The file is readable by its owner alone. Everything else in an existing file stays as it is.
    """
    before = path.read_text() if path.exists() else None
    after = with_secret(example.read_text() if before is None else before)
    if after == before:
        return False
    write_private(path, after)
    return True


def with_secret(text: str) -> str:
    """The text of an environment file with a SECRET_KEY that is not empty."""
    line = f"SECRET_KEY={secrets.token_urlsafe(50)}"
    if EMPTY_SECRET.search(text):
        return EMPTY_SECRET.sub(line, text, count=1)
    if ANY_SECRET.search(text):
        return text
    return f"{text.rstrip()}\n\n{line}\n".lstrip()


def stand_in_is_ours() -> bool:
    """Whether answers come from the embedded model that `serve` starts.

    Not with a key of Groq's, and not where somebody runs a stand-in of their own.
    """
    from django.conf import settings

    return not settings.GROQ_API_KEY and not settings.DEMO_BASE_URL


def install_stand_in() -> None:
    """Install the embedded model. Raises InstallFailed with the ways out."""
    try:
        install.ensure_installed("requirements-demo.txt")
    except install.InstallFailed as failure:
        raise install.InstallFailed(
            f"{failure}\n\nWithout the embedded model, set one of these in .env and run again:\n"
            "  GROQ_API_KEY   a key from https://console.groq.com/keys\n"
            "  DEMO_BASE_URL  the address of any OpenAI-compatible server, ending in /v1"
        ) from failure


def main() -> int:
    """Prepare the checkout; the process's exit status."""
    signal.signal(signal.SIGTERM, install.end_at_once)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "budgetrouter.settings")
    try:
        if "ENV_FILE" not in os.environ:
            ensure_env_file((install.ROOT / ".env").resolve(), install.ROOT / ".env.example")
        if stand_in_is_ours():
            install_stand_in()
    except (install.InstallFailed, ImproperlyConfigured) as failure:
        sys.stderr.write(f"\n{failure}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
