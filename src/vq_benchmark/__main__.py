"""`vq-benchmark` and `python -m vq_benchmark`: signals are handled before the libraries load."""

import gc

from vq_benchmark.machine.signals import end_at_once


def main() -> None:
    """Run the command line."""
    end_at_once()
    gc.disable()  # nothing that libraries make while they load is garbage; `cli.main` looks for it again
    from vq_benchmark.cli.main import main as program
    from vq_benchmark.machine.ending import end

    try:
        program()
    except SystemExit as ended:
        if not isinstance(ended.code, int | None):
            raise
        end(ended.code or 0)


if __name__ == "__main__":
    main()
