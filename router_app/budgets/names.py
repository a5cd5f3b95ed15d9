"""What a limit is called where nobody named it: a refusal must tell which of several it was."""

from router_app.models import ApiKey, Level, User, Workspace
from router_app.models.audit import shortened

LONGEST = 80  # characters, as the column has it
LONGEST_WHOM = 40  # of them for whom it bounds, so that task and model are still told
_WORDS = {"day": "Daily", "week": "Weekly", "month": "Monthly", "total": "Total"}


def default_name(period: str, task_type: str = "", *, whom: str = "", model: str = "") -> str:
    """ "Monthly limit", "Daily limit of Alpha for code on GPT-OSS 20B"."""
    name = f"{_WORDS[period]} limit"
    if whom:
        name += f" of {whom}"
    if task_type:
        name += f" for {task_type}"
    if model:
        name += f" on {model}"
    return shortened(name, LONGEST)


def whom_in_words(
    level: str,
    *,
    user: User | None = None,
    workspace: Workspace | None = None,
    api_key: ApiKey | None = None,
) -> str:
    """Whom a limit of this level bounds; empty for a person's own, who knows it is theirs."""
    if level == Level.SITE:
        return "this site"
    if level == Level.USER:
        return ""
    if level == Level.KEY:
        return f"the key {shortened(str(api_key and api_key.name), LONGEST_WHOM)}"
    team = shortened(str(workspace), LONGEST_WHOM // 2 if user else LONGEST_WHOM)
    return f"{shortened(str(user), LONGEST_WHOM // 2)} in {team}" if user else team
