"""`vq-benchmark` and `python -m vq_benchmark`: signals are handled before the libraries load."""

from vq_benchmark.machine.signals import end_at_once


def main() -> None:
    """Run the command line."""
    end_at_once()
    from vq_benchmark.cli.main import main as program

    program()


if __name__ == "__main__":
    main()
