"""Files that hold one image."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from biomero.adapters.readers.planes import LibraryImage
from biomero.adapters.readers.seam import chosen, reading


class OneImageSource(ABC):
    """Opens files of a format that holds one image a file; see `ImageSource`."""

    def images_in(self, path: Path) -> int:
        """See `ImageSource.images_in`."""
        with ExitStack() as stack:
            self._opened(path, stack)
            return 1

    def open(self, path: Path, *, index: int = 0) -> LibraryImage:
        """See `ImageSource.open`."""
        chosen(path, index, 1)
        with ExitStack() as stack:
            file = self._opened(path, stack)
            with reading(path, "its description"):
                return self._image(path, file, stack)

    @abstractmethod
    def _opened(self, path: Path, stack: ExitStack) -> Any:  # noqa: ANN401 - the libraries are extras
        """Return the library's open file, which the stack closes."""

    @abstractmethod
    def _image(self, path: Path, file: Any, stack: ExitStack) -> LibraryImage:  # noqa: ANN401 - as above
        """Return the image in an open file; it takes over what the stack holds, with ``pop_all``."""
