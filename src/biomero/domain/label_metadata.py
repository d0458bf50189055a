"""What a label image takes over from the image that it labels."""

from __future__ import annotations

from biomero.domain.imaging import AXES, ImageMetadata


def label_metadata(labels: ImageMetadata, source: ImageMetadata | None, *, name: str) -> ImageMetadata:
    """Return the metadata that a label image should have.

    Workflows lose pixel sizes and mistake z for time or channels. Where the sizes of a label image are
    those of its source (channels apart, axes of length 1 apart), its axes and pixel sizes are the source's.
    Else it keeps its own axes, and takes over the pixel size of those as long as the source's. Where (y, x)
    differs, nothing is taken over.
    """
    own_axes = _long_axes(labels)
    if source is None or labels.shape[-2:] != source.shape[-2:]:
        return _described(labels, own_axes, source=None, name=name)
    source_axes = source.axes.replace("c", "")
    source_sizes = [source.size(a) for a in source_axes if a in "yx" or source.size(a) > 1]
    same = [labels.size(a) for a in own_axes] == source_sizes
    return _described(labels, source_axes if same else own_axes, source=source, name=name, as_source=same)


def is_described(labels: ImageMetadata, wanted: ImageMetadata) -> bool:
    """Return whether a label image has the axes and pixel sizes already that it should have."""
    axes = _long_axes(wanted)
    return (
        _long_axes(labels) == axes
        and [labels.size(a) for a in axes] == [wanted.size(a) for a in axes]
        and all(labels.scale.get(a) == wanted.scale.get(a) for a in axes)
    )


def _described(
    labels: ImageMetadata, axes: str, *, source: ImageMetadata | None, name: str, as_source: bool = False
) -> ImageMetadata:
    like = source if source is not None and as_source else labels
    shape = tuple(like.size(a) for a in axes)
    scale = {a: labels.scale[a] for a in axes if a in labels.scale}
    if source is not None:
        scale |= {a: source.scale[a] for a in axes if a in source.scale and source.size(a) == like.size(a)}
    return ImageMetadata(name=name, axes=axes, shape=shape, dtype=labels.dtype, scale=scale)


def _long_axes(metadata: ImageMetadata) -> str:
    return "".join(a for a in AXES if a in metadata.axes and (a in "yx" or metadata.size(a) > 1))
