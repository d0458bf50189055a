"""An OMERO server, over Ice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from biomero.adapters.omero.access import what_keeps_results_away
from biomero.adapters.omero.lasting import PATIENCE_S, LastingSession
from biomero.adapters.omero.original_file import OriginalFiles
from biomero.adapters.omero.queries import Questions
from biomero.adapters.omero.reader import IceReader
from biomero.adapters.omero.session import address_of, open_session
from biomero.adapters.omero.writer import IceWriter
from biomero.adapters.omero.writer_session import writing_session
from biomero.application.ports.clock import Clock
from biomero.application.ports.image_source import ImageSource
from biomero.application.ports.omero import OmeroReader, OmeroWriter
from biomero.application.settings import OmeroSettings
from biomero.domain.omero import OmeroImage


class IceOmero:
    """See `Omero`.

    Parameters
    ----------
    files
        Reads original files, where the settings say that the repository is mounted.
    patience_s
        How long a server is waited for that stops answering while something is read.
    """

    def __init__(
        self,
        settings: OmeroSettings,
        clock: Clock,
        files: ImageSource | None = None,
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._patience_s = patience_s
        self._originals = None
        if settings.repository is not None and files is not None:
            self._originals = OriginalFiles(
                repository=settings.repository, in_place=settings.in_place, files=files
            )

    @property
    def address(self) -> str:
        """See `Omero.address`."""
        return address_of(self._settings)

    @contextmanager
    def reader(self, user: str) -> Iterator[OmeroReader]:
        """See `Omero.reader`."""
        with self._session(user) as session:
            yield IceReader(
                session, place=self.address, streams=self._settings.streams, originals=self._originals
            )

    @contextmanager
    def writer(self, user: str, *, group_id: int | None) -> Iterator[OmeroWriter]:
        """See `Omero.writer`."""
        with open_session(self._settings, user, group_id) as session:
            yield IceWriter(writing_session(session, place=self.address))

    def check_writable(self, user: str, images: Sequence[OmeroImage]) -> Sequence[str]:
        """See `Omero.check_writable`."""
        with self._session(user) as session:
            questions = Questions(session, self.address)
            return what_keeps_results_away(questions, session.ask(lambda now: now), images)

    def _session(self, user: str) -> LastingSession:
        return LastingSession(
            lambda: open_session(self._settings, user), self._clock, patience_s=self._patience_s
        )
