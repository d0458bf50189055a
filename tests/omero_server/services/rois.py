"""``IRoi``: regions of images, with their shapes."""

from __future__ import annotations

from typing import Any

import omero.api

from omero_server import rights
from omero_server.call import Call
from omero_server.copies import Copier, Fetched
from omero_server.dispatch import Service
from omero_server.records import Record


class Rois(Service):
    """`omero.api.IRoi`."""

    def findByImage(self, number: int, options: Any, call: Call) -> Any:
        image = self.records.find("Image", number)
        found = [] if image is None else self.records.referring(image, "image", "Roi")
        return self._result(found, options, call)

    def findByRoi(self, number: int, options: Any, call: Call) -> Any:
        found = self.records.find("Roi", number)
        return self._result([] if found is None else [found], options, call)

    def _result(self, found: list[Record], options: Any, call: Call) -> Any:
        fetched = Fetched()
        rois = [roi for roi in found if rights.can_read(call, roi)]
        for roi in rois:
            fetched.fill(roi, "shapes", self.records.collection(roi, "shapes"))
        return omero.api.RoiResult(options, Copier(call, fetched).all(rois), {}, {})
