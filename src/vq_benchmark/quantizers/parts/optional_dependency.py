"""Packages that are not installed by default, for methods that run another library."""

from importlib.metadata import PackageNotFoundError, version


def missing_extra(package: str, series: str) -> str | None:
    """The reason why a package of that name and version series (such as `0.7`) cannot be used, or None."""
    try:
        found = version(package)
    except PackageNotFoundError:
        return f"{package} is not installed; run pip install 'vq-benchmark[{package}]'."
    if found != series and not found.startswith(f"{series}."):
        return f"it needs {package} {series}, not {found}; run pip install 'vq-benchmark[{package}]'."
    return None
