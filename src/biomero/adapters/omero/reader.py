"""Reading at OMERO as one user."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from biomero.adapters.omero.attached_files import AttachedFiles
from biomero.adapters.omero.download import download
from biomero.adapters.omero.lasting import LastingSession
from biomero.adapters.omero.listing import Listing
from biomero.adapters.omero.original_file import OriginalFiles
from biomero.adapters.omero.pixels import OmeroPixels
from biomero.adapters.omero.pixels_metadata import describe_pixels
from biomero.adapters.omero.queries import Questions
from biomero.adapters.omero.select import Selector
from biomero.application.ports.image_source import OpenImage
from biomero.application.ports.omero import Progress
from biomero.domain.omero import OmeroEntry, OmeroFile, OmeroRef, OmeroSelection, OmeroUser


class IceReader:
    """See `OmeroReader`.

    Parameters
    ----------
    place
        The server, for messages.
    streams
        How many pieces of pixels travel at once.
    originals
        Where OMERO's files are readable here.
    """

    def __init__(
        self, session: LastingSession, *, place: str, streams: int, originals: OriginalFiles | None = None
    ) -> None:
        self._session = session
        self._place = place
        self._streams = streams
        self._originals = originals
        self._questions = Questions(session, place)

    @property
    def user(self) -> OmeroUser:
        """See `OmeroReader.user`."""
        return self._session.ask(lambda session: session.user)

    def select(self, chosen: Sequence[OmeroRef]) -> OmeroSelection:
        """See `OmeroReader.select`."""
        return Selector(self._questions, self.user.name).select(chosen)

    def contents(self, inside: OmeroRef | None = None) -> Sequence[OmeroEntry]:
        """See `OmeroReader.contents`."""
        listing = Listing(self._questions, user_id=self.user.id)
        return tuple(listing.top() if inside is None else listing.inside(inside))

    def open(self, image_id: int) -> OpenImage:
        """See `OmeroReader.open`."""
        described = describe_pixels(self._questions, image_id, user_id=self.user.id)
        with ExitStack() as stack:
            pixels = stack.enter_context(
                OmeroPixels(self._session, described, streams=self._streams, place=self._place)
            )
            if self._originals is not None:
                original = self._originals.open(self._questions, described, pixels)
                if original is not None:
                    return original
            stack.pop_all()
            return pixels

    def files(self, annotation_ids: Sequence[int]) -> Sequence[OmeroFile]:
        """See `OmeroReader.files`."""
        return AttachedFiles(self._questions, self.user.name).described(annotation_ids)

    def download(self, file: OmeroFile, path: Path, *, progress: Progress | None = None) -> None:
        """See `OmeroReader.download`."""
        download(self._session, file, path, place=self._place, progress=progress)
