"""SIGINT while HiGHS runs: what is raised inside its calls gets lost there, so it is raised after the run."""

import signal
import threading
from types import FrameType

interrupted = threading.Event()


def on_interrupt(signum: int, frame: FrameType | None) -> None:
    """Handler of SIGINT: sets ``interrupted`` within a call of HiGHS, raises KeyboardInterrupt elsewhere."""
    at = frame
    while at is not None:
        if "highspy" in at.f_code.co_filename:
            interrupted.set()
            return
        at = at.f_back
    signal.default_int_handler(signum, frame)
