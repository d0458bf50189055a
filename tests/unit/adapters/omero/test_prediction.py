"""What a reader of images asks for next."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import pytest

from biomero.adapters.omero.prediction import Piece, Prediction
from biomero.domain.imaging import ImageMetadata

Place = tuple[int, int, int, int]

WHOLE = (0, 0, 100, 80)
FOUR = ((0, 0, 60, 50), (0, 50, 60, 30), (60, 0, 40, 50), (60, 50, 40, 30))


def pieces(planes: Iterable[tuple[int, int, int]], places: Sequence[Place] = (WHOLE,)) -> list[Piece]:
    return [
        Piece(t=t, c=c, z=z, top=top, left=left, height=height, width=width)
        for t, c, z in planes
        for top, left, height, width in places
    ]


def guesses(asked: Sequence[Piece]) -> tuple[int, int]:
    """Return how many pieces were foreseen, and how many guesses were wrong."""
    prediction = Prediction(ImageMetadata(name="i", axes="tczyx", shape=(2, 3, 4, 100, 80), dtype="uint8"))
    right = wrong = 0
    guess = None
    for piece in asked:
        right += guess == piece
        wrong += guess is not None and guess != piece
        guess = prediction.after(piece)
    return right, wrong + (guess is not None)


ALL_PLANES = list(itertools.product(range(2), range(3), range(4)))


def test_plane_after_plane_is_foreseen() -> None:
    assert guesses(pieces(ALL_PLANES)) == (len(ALL_PLANES) - 2, 0)


def test_rectangles_of_planes_are_foreseen() -> None:
    asked = pieces(ALL_PLANES, FOUR)
    assert guesses(asked) == (len(asked) - 2, 0)


def test_a_sequence_that_breaks_off_is_not_waited_for_again() -> None:
    # OME-Zarr is written so: a rectangle through some planes, then the next rectangle through them
    asked = [piece for place in FOUR for piece in pieces([(0, 0, 0), (0, 0, 1), (0, 0, 2)], [place])]
    right, wrong = guesses(asked)
    assert wrong == 1
    assert right == 1 + 2 * 3


@pytest.mark.parametrize("asked", [pieces([(0, 0, 3), (1, 0, 0), (0, 2, 1), (1, 1, 3), (0, 0, 0)])])
def test_nothing_is_guessed_without_an_order(asked: list[Piece]) -> None:
    assert guesses(asked) == (0, 0)


def test_the_last_piece_of_an_image_is_the_last() -> None:
    assert guesses(pieces(ALL_PLANES[-3:], FOUR)) == (10, 0)
