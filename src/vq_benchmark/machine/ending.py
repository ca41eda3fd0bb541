"""The end of a program: everything that must happen, and no dismantling of an interpreter that is about to go."""

import atexit
import os
import sys
import threading
from contextlib import suppress
from typing import NoReturn

CANNOT_PRINT = 2
"""Exit code of a program whose output could not be written."""


def end(code: int) -> NoReturn:
    """End this program with an exit code.

    As at an ordinary end, threads that are not daemons finish first, then exit handlers run (temporary folders, child
    processes, coverage), then output is written. Freeing every object of the libraries, which takes longer than many
    a command, is left to the operating system.
    """
    threading._shutdown()  # type: ignore[attr-defined] # what the interpreter itself calls first
    atexit._run_exitfuncs()
    os._exit(code if _flushed() else code or CANNOT_PRINT)


def _flushed() -> bool:
    """Whether all output could be written; a reader that is gone, such as `head`, has had enough."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except BrokenPipeError:
        return True
    except (OSError, ValueError) as error:
        with suppress(OSError):
            os.write(2, f"vq-benchmark: system error: {error}.\n".encode())
        return False
    return True
