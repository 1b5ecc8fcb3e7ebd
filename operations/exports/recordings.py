"""The recording a thing was seen in, lent to a reader of clips: where it lies, or from memory where it is encrypted."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING, Final

from geo.errors import InputError
from operations.originals import stored_path
from operations.values import MediaKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from operations.store import OperationStore
    from operations.values import MediaRecord

_ID_BEGINS: Final = 8
_CLIPS: Final = frozenset({".ts", ".mp4", ".mkv", ".mov", ".mpg", ".mpeg", ".m2ts", ".avi", ".webm"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """An original that is a clip, perhaps with files beside it."""

    store: OperationStore
    media: MediaRecord

    @classmethod
    def of(cls, store: OperationStore, media_id: str) -> Recording:
        """Return the clip an operation keeps under an id.

        Raises
        ------
        InputError
            When it keeps none such, or it is no clip.
        """
        for media in store.media():
            if media.id == media_id:
                if media.kind is not MediaKind.VIDEO:
                    raise InputError(f"{media.name} is a folder of pictures, not a clip; it has nothing to cut")
                return cls(store=store, media=media)
        raise InputError(f"{store.path} keeps no original of the recording {media_id[:12]}: it cannot be cut")

    @classmethod
    def named(cls, store: OperationStore, name: str) -> Recording:
        """Return the clip that came under a name, or whose id begins so.

        Raises
        ------
        InputError
            When there is none, or there are several.
        """
        begins = len(name) >= _ID_BEGINS
        found = [one for one in store.media() if one.name == name or (begins and one.id.startswith(name))]
        if len(found) != 1:
            known = ", ".join(media.name for media in store.media())
            how = "several recordings are" if found else "no recording is"
            raise InputError(f"--recording: {how} called {name!r}; name one, or the beginning of its id ({known})")
        return cls.of(store, found[0].id)

    @contextlib.contextmanager
    def lent(self) -> Iterator[Path]:
        """Give a path to the clip's bytes."""
        clips = [member for member in self.media.members if member.suffix in _CLIPS]
        if len(clips) != 1:
            raise InputError(f"{self.media.name} is made of {len(clips)} clips; one alone can be cut")
        path = stored_path(self.store.path, clips[0], self.store.vault)
        if not path.is_file():
            more = f"'vedette verify {self.store.path}' says more"
            raise InputError(f"the original of {self.media.name} is missing: {more}")
        with self.store.vault.lend(path) as readable:
            yield readable
