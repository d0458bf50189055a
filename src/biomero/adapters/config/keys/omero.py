"""Keys that say where OMERO is, and as whom it is used."""

from __future__ import annotations

from biomero.adapters.config import kinds
from biomero.adapters.config.keys.setting import Setting

OMERO = (
    Setting(
        section="OMERO",
        key="host",
        kind=kinds.WORD,
        variables=("BIOMERO_OMERO_HOST",),
        example="omero.example.org",
        meaning="The machine that OMERO.server's router (Glacier2) answers on. Without it OMERO is not used.",
    ),
    Setting(
        section="OMERO",
        key="port",
        kind=kinds.PORT,
        default="4064",
        variables=("BIOMERO_OMERO_PORT",),
        meaning="The router's port for TLS.",
    ),
    Setting(
        section="OMERO",
        key="user",
        kind=kinds.WORD,
        variables=("BIOMERO_OMERO_USER",),
        example="biomero",
        meaning="For a worker: a service account, which is a restricted administrator with the privilege "
        "*Sudo* alone. At a shell: you.",
    ),
    Setting(
        section="OMERO",
        key="password",
        kind=kinds.LINE,
        variables=("BIOMERO_OMERO_PASSWORD",),
        is_secret=True,
        meaning="Its password.",
    ),
    Setting(
        section="OMERO",
        key="sudo",
        kind=kinds.BOOLEAN,
        default="true",
        variables=("BIOMERO_OMERO_SUDO",),
        meaning="Act for the user who asked for a run. Otherwise only runs of the account itself are served.",
    ),
    Setting(
        section="OMERO",
        key="encrypted",
        kind=kinds.BOOLEAN,
        default="true",
        meaning="Send pixels encrypted, too. Plain is two to four times faster, for closed networks only.",
    ),
    Setting(
        section="OMERO",
        key="repository",
        kind=kinds.LOCAL_PATH,
        example="/OMERO/ManagedRepository",
        meaning="OMERO's managed repository as the worker sees it; original files are read from there, after "
        "OMERO has said that the user may read the image.",
    ),
    Setting(
        section="OMERO",
        key="in_place",
        kind=kinds.LOCAL_FOLDERS,
        example="/data1, /data2",
        meaning="Folders that links in the managed repository may lead to: those of images imported in place "
        "(`--transfer=ln_s`), at the paths that OMERO.server has for them. No other links are followed.",
    ),
    Setting(
        section="OMERO",
        key="streams",
        kind=kinds.whole_number(at_least=1),
        default="3",
        meaning="How many streams of pixels are read at once for an image.",
    ),
    Setting(
        section="OMERO",
        key="web_url",
        kind=kinds.WEB_ADDRESS,
        example="https://omero.example.org",
        meaning="OMERO.web, for links to what a run has made.",
    ),
)
