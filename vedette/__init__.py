"""Plan drone patrols of border segments, fly them, read the downlink, and map what was seen."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vedette.api import check, fly, ingest, locate, map, plan, read_track  # noqa: A004
    from vedette.operation import Operation, open_operation
    from vedette.reading import Reading

__version__ = "0.2.0"
__all__ = ["Operation", "Reading", "check", "fly", "ingest", "locate", "map", "open_operation", "plan", "read_track"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from vedette import api, operation, reading

        return getattr(next(module for module in (reading, operation, api) if hasattr(module, name)), name)
    raise AttributeError(f"module 'vedette' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
