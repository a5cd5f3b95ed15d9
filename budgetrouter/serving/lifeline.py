"""A child that ends when its parent does, however the parent ended.

Linux tells a process of its parent's death when asked to (prctl). Elsewhere nothing is asked, and
only an orderly end of the supervisor ends its children.
"""

import ctypes
import os
import signal
import sys

PARENT_VARIABLE = "SUPERVISOR_PID"  # set by the supervisor for the processes it starts
PR_SET_PDEATHSIG = 1


def end_with_supervisor(signal_number: signal.Signals) -> None:
    """Have this process sent the signal when the supervisor that started it is gone.

    Nothing happens in a process that no supervisor started.
    """
    parent = os.environ.get(PARENT_VARIABLE, "")
    if parent.isdigit():
        end_with_parent(signal_number, int(parent))


def end_with_parent(signal_number: signal.Signals, parent: int) -> None:
    """Have this process sent the signal when its parent ends, or now if that has happened."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal_number)
