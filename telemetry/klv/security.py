"""The security marking of a stream: MISB ST 0102 local set (tag 48 of ST 0601, or a set of its own)."""

from __future__ import annotations

import dataclasses
from typing import Final

from telemetry.klv.local_set import SetValue, decode_local_set, encode_local_set
from telemetry.klv.tags import Coding, Tag

SECURITY_KEY: Final = bytes.fromhex("060e2b34020301010e01030302000000")
"""MISB ST 0102 local set."""

CLASSIFICATIONS: Final = {1: "UNCLASSIFIED", 2: "RESTRICTED", 3: "CONFIDENTIAL", 4: "SECRET", 5: "TOP SECRET"}
"""ST 0102.12, table 2, item 1."""

SECURITY_TAGS: Final[dict[int, Tag]] = {
    tag.number: tag
    for tag in (
        Tag(1, "Security Classification", Coding.COUNT, length=1),
        Tag(2, "Classifying Country and Releasing Instructions Country Coding Method", Coding.COUNT, length=1),
        Tag(3, "Classifying Country", Coding.TEXT),
        Tag(4, "Security-SCI/SHI Information", Coding.TEXT),
        Tag(5, "Caveats", Coding.TEXT),
        Tag(6, "Releasing Instructions", Coding.TEXT),
        Tag(7, "Classified By", Coding.TEXT),
        Tag(8, "Derived From", Coding.TEXT),
        Tag(9, "Classification Reason", Coding.TEXT),
        Tag(10, "Declassification Date", Coding.TEXT),
        Tag(11, "Classification and Marking System", Coding.TEXT),
        Tag(12, "Object Country Coding Method", Coding.COUNT, length=1),
        Tag(13, "Object Country Codes", Coding.TEXT16),
        Tag(14, "Classification Comments", Coding.TEXT),
        Tag(15, "UMID Video", Coding.RAW),
        Tag(19, "Stream ID", Coding.COUNT, length=1),
        Tag(20, "Transport Stream ID", Coding.COUNT, length=2),
        Tag(21, "Item Designator ID", Coding.RAW),
        Tag(22, "Version", Coding.COUNT, length=2),
        Tag(23, "Classifying Country Coding Method Version Date", Coding.TEXT),
        Tag(24, "Object Country Coding Method Version Date", Coding.TEXT),
    )
}
"""ST 0102.12, table 1."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """A security marking: `items` holds every item of the set by its number."""

    items: dict[int, SetValue]

    @property
    def classification(self) -> str:
        """The level in words; "unknown" when the set has none, or one that is not defined."""
        level = self.items.get(1)
        return CLASSIFICATIONS.get(level, "unknown") if isinstance(level, int) else "unknown"


def decode_security(data: bytes) -> Security:
    """Decode the value of an ST 0102 local set."""
    return Security(items=decode_local_set(data, SECURITY_TAGS))


def encode_security(security: Security) -> bytes:
    """Write the value of an ST 0102 local set."""
    return encode_local_set(security.items, SECURITY_TAGS)
