"""``ro-crate-metadata.json``: the crate, its files, and what is known around them.

Written by hand rather than with the library ``rocrate``: the document is a list of plain objects, whereas
files must be hashed while they are copied, archives streamed, and names of any bytes kept, which it does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from biomero.adapters.rocrate.actions import actions_of, reference, references, run_action
from biomero.adapters.rocrate.uris import file_uri, fragment, media_type, relative_uri
from biomero.application.ports.crate import CratePart, CrateRole, RunCrate

METADATA_FILE = "ro-crate-metadata.json"

_CRATE = "https://w3id.org/ro/crate/1.1"
_PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_TERMS = "https://w3id.org/ro/terms/workflow-run#"
_CONTEXT = [
    f"{_CRATE}/context",
    # What the profile adds, spelt out, so that a reader needs one document of the web and not two
    {
        term: _TERMS + term
        for term in (
            "ContainerImage",
            "DockerImage",
            "SIFImage",
            "containerImage",
            "registry",
            "resourceUsage",
            "sha256",
            "tag",
        )
    },
]

Entity = dict[str, Any]


def metadata_of(crate: RunCrate) -> bytes:
    """Return the metadata document of a crate, as JSON-LD in UTF-8."""
    ids = {id(part): part_id(part) for part in crate.parts}
    inputs = [p for p in crate.parts if p.role is CrateRole.INPUT]
    graph = [
        {
            "@id": METADATA_FILE,
            "@type": "CreativeWork",
            "about": reference("./"),
            "conformsTo": reference(_CRATE),
        },
        _root(crate, ids),
        {"@id": _PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"},
        *_licence(crate),
        *(_part(part, ids[id(part)], _origins(part, inputs, ids)) for part in crate.parts),
        *actions_of(crate, {role: _ids_of(crate, role, ids) for role in CrateRole}),
        *(
            {"@id": fragment("finding", number), "@type": "Comment", "text": text}
            for number, text in enumerate(crate.findings)
        ),
    ]
    # A file may have been both an image and an attachment; it is one entity
    distinct = list({entity["@id"]: entity for entity in graph}.values())
    text = json.dumps(
        {"@context": _CONTEXT, "@graph": distinct}, indent=2, ensure_ascii=False, allow_nan=False
    )
    return text.encode("utf-8", "backslashreplace")


def part_id(part: CratePart) -> str:
    """Return the id of a part: its place in the crate, else where it lies, else one of its own."""
    if part.place is not None:
        return relative_uri(part.place, is_folder=part.is_folder)
    if part.address is not None:
        return part.address
    if part.source is not None:
        return file_uri(part.source, is_folder=part.is_folder)
    return fragment("missing", part.name)


def _root(crate: RunCrate, ids: dict[int, str]) -> Entity:
    document = crate.document
    count = len(document.images)
    root: Entity = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"{document.workflow.name}, run {document.id}",
        "description": (
            f"A run of the workflow {document.workflow.name} ({document.workflow.version}) on "
            f"{count} image{'' if count == 1 else 's'}, which ended as {document.status.value}."
        ),
        "datePublished": crate.written.isoformat(timespec="seconds"),
        "conformsTo": reference(_PROFILE),
        "license": reference(_licence_id(crate)),
        "identifier": document.id,
        "mentions": reference(run_action(crate)),
        "hasPart": references(ids[id(part)] for part in crate.parts if _is_data(part)),
    }
    if document.user:
        root["author"] = reference(fragment("person", document.user))
    if crate.findings:
        root["comment"] = references(fragment("finding", n) for n in range(len(crate.findings)))
    return root


def _licence_id(crate: RunCrate) -> str:
    given = crate.licence or ""
    return given if given.startswith(("https://", "http://")) else "#licence"


def _licence(crate: RunCrate) -> Iterator[Entity]:
    """Yield the licence; where nobody gave one, say so, since readers must not guess."""
    text = crate.licence or "No licence was given: ask the author before using this."
    yield {
        "@id": _licence_id(crate),
        "@type": "CreativeWork",
        "name": "Licence" if crate.licence else "No licence",
        "description": text,
    }


def _part(part: CratePart, own_id: str, origins: list[str]) -> Entity:
    kind = "Dataset" if part.is_folder else "File"
    entity: Entity = {
        "@id": own_id,
        "@type": kind if _is_data(part) else "CreativeWork",
        "name": part.name,
        "description": part.description if _is_data(part) else f"missing: {part.description}",
    }
    if not part.is_folder and _is_data(part) and part.address is None:
        entity["encodingFormat"] = media_type(part.name)
    if part.size is not None:
        entity["contentSize"] = str(part.size)
    if part.sha256 is not None:
        entity["sha256"] = part.sha256
    if origins:
        entity["isBasedOn"] = references(origins)
    return entity


def _is_data(part: CratePart) -> bool:
    """Whether the part can be had: a lost output is talked about, but is no data of the crate."""
    return part.place is not None or part.source is not None or part.address is not None


def _origins(part: CratePart, inputs: list[CratePart], ids: dict[int, str]) -> list[str]:
    if part.role is not CrateRole.OUTPUT:
        return []
    return [ids[id(one)] for one in inputs if set(part.made_from) & set(one.made_from)]


def _ids_of(crate: RunCrate, role: CrateRole, ids: dict[int, str]) -> list[str]:
    return [ids[id(part)] for part in crate.parts if part.role is role]
