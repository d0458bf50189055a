"""Objects that tests begin with: users and groups, containers, images with pixels, plates, files on disk."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import omero
from omero.rtypes import rdouble, rint, rlong, rstring

from omero_server import image_records, pixel_files
from omero_server.call import Call
from omero_server.records import Record
from omero_server.server import Server


class Seeding:
    """What the control channel can ask for; everything is named by ids, as at OMERO."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._records = server.records

    def add_group(self, *, name: str, permissions: str) -> int:
        """Make a group."""
        return self._server.accounts.add_group(name, permissions).id

    def add_user(
        self,
        *,
        name: str,
        password: str,
        groups: Sequence[str],
        leads: Sequence[str],
        is_admin: bool,
        privileges: Sequence[str] | None,
    ) -> int:
        """Make a user, in groups of which some may be led; an administrator may have some privileges only."""
        accounts = self._server.accounts
        numbers = {}
        for group in [*groups, *(["system"] if is_admin else [])]:
            found = accounts.group(group)
            if found is None:
                raise omero.ApiUsageException(None, None, f"no group {group}")
            numbers[group] = found.id
        email = rstring(f"{name}@example.org")
        user = accounts.add_user(name, name.title(), "Test", numbers.values(), email=email)
        self._records.set_password(user.id, password)
        for group in leads:
            accounts.add_member(numbers[group], user.id, leads=True)
        if privileges is not None:
            accounts.restrict(user, list(privileges))
        return user.id

    def add_container(self, *, owner: str, group: str, kind: str, name: str, inside: int | None) -> int:
        """Make a project, dataset, screen or folder; a dataset may lie in a project."""
        with self._as(owner, group) as call:
            made = image_records.new(call, kind, name=rstring(name))
            if inside is not None:
                parent = self._there("Project", inside)
                image_records.link(call, "ProjectDatasetLink", parent, made)
            return made.id

    def add_image(
        self,
        *,
        owner: str,
        group: str,
        name: str,
        array: str,
        dataset: int | None,
        channels: Sequence[Mapping[str, Any]],
        pixel_size_um: float | None,
    ) -> int:
        """Make an image of a file of numpy's, axes (t, c, z, y, x)."""
        with self._as(owner, group) as call:
            image = self._image(call, name, array, channels, pixel_size_um)
            if dataset is not None:
                image_records.link(call, "DatasetImageLink", self._there("Dataset", dataset), image)
            return image.id

    def add_plate(
        self,
        *,
        owner: str,
        group: str,
        name: str,
        size: Sequence[int],
        wells: Sequence[tuple[int, int, Sequence[str]]],
        screen: int | None,
    ) -> int:
        """Make a plate with wells, each with row, column, and files of numpy's for its fields."""
        with self._as(owner, group) as call:
            plate = image_records.new(
                call, "Plate", name=rstring(name), rows=rint(size[0]), columns=rint(size[1])
            )
            plate.scalars["columnNamingConvention"] = rstring("number")
            plate.scalars["rowNamingConvention"] = rstring("letter")
            if screen is not None:
                image_records.link(call, "ScreenPlateLink", self._there("Screen", screen), plate)
            run = image_records.new(call, "PlateAcquisition", name=rstring("Run 1"))
            run.references["plate"] = plate
            self._records.put(run)
            for row, column, fields in wells:
                well = image_records.new(call, "Well", row=rint(row), column=rint(column))
                well.references["plate"] = plate
                self._records.put(well)
                for number, field in enumerate(fields):
                    image = self._image(call, f"{name} [{row} {column} {number}]", field, (), None)
                    sample = image_records.new(call, "WellSample")
                    sample.references = {"well": well, "image": image, "plateAcquisition": run}
                    self._records.put(sample)
            return plate.id

    def add_fileset(
        self, *, owner: str, group: str, prefix: str, files: Mapping[str, str], images: Sequence[int]
    ) -> int:
        """Put files into the managed repository, and let images be imported from them."""
        with self._as(owner, group) as call:
            fileset = image_records.new(call, "Fileset", templatePrefix=rstring(f"{prefix}/"))
            for name, source in files.items():
                file = self._file(call, prefix, name, Path(source))
                entry = image_records.new(call, "FilesetEntry", clientPath=rstring(source.lstrip("/")))
                entry.references = {"fileset": fileset, "originalFile": file}
                self._records.put(entry)
            for number in images:
                image = self._there("Image", number)
                image.references["fileset"] = fileset
                self._records.put(image)
            return fileset.id

    def _file(self, call: Call, prefix: str, name: str, source: Path) -> Record:
        folder, _, last = f"{prefix}/{name}".rpartition("/")
        target = self._server.repository / folder / last
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        digest = hashlib.sha1(target.read_bytes()).hexdigest()  # noqa: S324 - OMERO's default
        return image_records.new(
            call,
            "OriginalFile",
            name=rstring(last),
            path=rstring(f"{folder}/"),
            size=rlong(target.stat().st_size),
            hash=rstring(digest),
            mimetype=rstring("application/octet-stream"),
            repo=rstring("test-server"),
        )

    def _image(
        self,
        call: Call,
        name: str,
        array: str,
        channels: Sequence[Mapping[str, Any]],
        pixel_size_um: float | None,
    ) -> Record:
        data = np.load(array, mmap_mode="r")
        kind = pixel_files.pixels_type(data.dtype)
        image = image_records.make(call, name, sizes=data.shape, kind=kind, pixel_size_um=pixel_size_um)
        pixels = self._records.collection(image, "pixels")[0]
        stored = self._server.pixels.open(pixels.id, data.shape, kind)
        stored[...] = data
        for place, channel in enumerate(self._records.collection(pixels, "channels")):
            self._describe(channel, data[:, place], channels[place] if place < len(channels) else {})
        return image

    def _describe(self, channel: Record, data: Any, said: Mapping[str, Any]) -> None:
        statistics, logical = channel.references["statsInfo"], channel.references["logicalChannel"]
        assert statistics is not None
        assert logical is not None
        statistics.scalars = {
            "globalMin": rdouble(float(data.min())),
            "globalMax": rdouble(float(data.max())),
        }
        if "name" in said:
            logical.scalars["name"] = rstring(said["name"])
        if "colour" in said:
            named = zip(("red", "green", "blue"), said["colour"], strict=True)
            channel.scalars.update({name: rint(value) for name, value in named})
        for record in (statistics, logical, channel):
            self._records.put(record)

    def _there(self, kind: str, number: int) -> Record:
        found = self._records.find(kind, number)
        if found is None:
            raise omero.ApiUsageException(None, None, f"no {kind} {number}")
        return found

    @contextmanager
    def _as(self, owner: str, group: str) -> Iterator[Call]:
        user = self._server.accounts.user(owner)
        if user is None:
            raise omero.ApiUsageException(None, None, f"no user {owner}")
        session = self._server.sessions.open(user, group=group)
        try:
            yield self._server.sessions.call(session, None)
        finally:
            self._server.sessions.close(session)
