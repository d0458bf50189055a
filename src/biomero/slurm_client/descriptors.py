"""Documented calls around workflow descriptors."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from biomero.errors import BiomeroError
from biomero.slurm_client.addresses import descriptor_address, split_address, split_image
from biomero.slurm_client.state import ClientState

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger("biomero.slurm_client")

_LEFTOVER = "cytomine"
_WEB_TIMEOUT_S = 30.0


class DescriptorCalls(ClientState):
    """What workflows are and what they want, by their descriptors; fetched once, then kept."""

    _FOLDER_INPUT_TYPES = frozenset({"image", "file", "array", "measurement", "executable"})
    _FILE_ATTACHMENT_TYPES = frozenset({"file", "array", "measurement", "executable"})

    _images: dict[str, str] | None = None
    _session: httpx.Client | None = None

    @property
    def slurm_model_images(self) -> dict[str, str]:
        """The container image of each workflow, by its descriptor; read at the first look.

        A workflow whose descriptor cannot be read has an empty one, and the log says why.
        """
        if self._images is None:
            self.init_workflows()
        return self._images if self._images is not None else {}

    @slurm_model_images.setter
    def slurm_model_images(self, images: dict[str, str] | None) -> None:
        self._images = images

    def init_workflows(self, force_update: bool = False) -> None:
        """Read the descriptors of all workflows; see `slurm_model_images`."""
        known = {} if force_update or self._images is None else self._images
        self._images = {name: known.get(name) or self._image_of(name) for name in self.slurm_model_repos}

    def generic_descriptor_from_github(self, workflow: str) -> dict[str, Any]:
        """Return a workflow's descriptor in the words of biomero-schema, whatever its author wrote.

        Raises
        ------
        UnknownWorkflowError
            If there is no such workflow, or it cannot be fetched now.
        DescriptorError
            If its descriptor is not valid.
        """
        from biomero.schema_parsers import schema_of

        described: dict[str, Any] = schema_of(self._catalogue.find(workflow)).model_dump(by_alias=True)
        return described

    def pull_descriptor_from_github(self, workflow: str) -> dict[str, Any]:
        """See `generic_descriptor_from_github`, of which this is the older name."""
        return self.generic_descriptor_from_github(workflow)

    def _parse_descriptor_from_repo(self, url: str, name: str) -> Any:  # noqa: ANN401 - an untyped library's
        from biomero.schema_parsers import schema_of

        logger.debug("reading the descriptor of %s at %s", name, url)
        return schema_of(self._catalogue.find(url))

    def get_workflow_parameters(self, workflow: str) -> dict[str, dict[str, Any]]:
        """Return what a user may set, by id.

        Each has ``name``, ``default``, ``type``, ``optional``, ``cmd_flag``, ``description``,
        ``file_attachment`` and ``format``. What BIOMERO fills by itself is left out.

        Raises
        ------
        UnknownWorkflowError, DescriptorError
            See `generic_descriptor_from_github`.
        """
        inputs = self.generic_descriptor_from_github(workflow)["inputs"]
        return {entry["id"]: _parameter(entry) for entry in inputs if _is_for_users(entry)}

    def get_file_attachment_params(self, workflow: str) -> dict[str, dict[str, Any]]:
        """Return those of `get_workflow_parameters` to which a user attaches files."""
        return {
            name: parameter
            for name, parameter in self.get_workflow_parameters(workflow).items()
            if parameter["file_attachment"]
        }

    def convert_param_type_to_omtype(
        self,
        param_type: str,
        _default: object,
        *args: Any,  # noqa: ANN401 - handed on to OMERO
        **kwargs: Any,  # noqa: ANN401 - handed on to OMERO
    ) -> Any:  # noqa: ANN401 - OMERO has no types
        """Return the input of an OMERO script for a parameter; needs omero-py."""
        from biomero.schema_parsers import convert_schema_type_to_omero

        return convert_schema_type_to_omero(param_type, _default, *args, **kwargs)

    def str_to_class(self, module_name: str, class_name: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - of any class
        """Import a class and make an instance of it."""
        from biomero.schema_parsers import create_class_instance

        return create_class_instance(module_name, class_name, *args, **kwargs)

    def get_or_create_github_session(self) -> httpx.Client:
        """Return what fetches from code hosts over HTTP, with `get`; closed with the client."""
        import httpx

        if self._session is None or self._session.is_closed:
            self._session = httpx.Client(follow_redirects=True, timeout=_WEB_TIMEOUT_S)
        return self._session

    def extract_parts_from_url(self, url: str) -> tuple[list[str], str]:
        """Return the parts of a repository's address between its slashes, and its ref.

        Raises
        ------
        ValueError
            If it is no address of a repository.
        """
        return split_address(url)

    def convert_url(self, url: str, ext: str = ".json") -> str:
        """Return the address of the descriptor in a repository.

        Raises
        ------
        ValueError
            If it is no address of a repository.
        """
        return descriptor_address(url, ext)

    def parse_docker_image_version(self, image: str) -> tuple[str | None, str]:
        """Return the version of a container image (tag or digest; ``None`` without one) and its name."""
        return split_image(image)

    def _image_of(self, workflow: str) -> str:
        try:
            descriptor = self._catalogue.find(workflow).descriptor
        except BiomeroError as exc:
            logger.warning("the image of %s is not known: %s", workflow, exc)
            return ""
        return descriptor.container_image.name if descriptor.container_image else ""


def _is_for_users(entry: dict[str, Any]) -> bool:
    if entry["id"].lower().startswith(_LEFTOVER):
        return False
    return bool(entry["file-attachment"]) or not entry["set-by-server"]


def _parameter(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": entry["id"],
        "default": entry["default-value"],
        "type": entry["type"],
        "optional": bool(entry["optional"]),
        "cmd_flag": entry["command-line-flag"],
        "description": entry["description"],
        "file_attachment": bool(entry["file-attachment"]),
        "format": entry["format"],
    }
