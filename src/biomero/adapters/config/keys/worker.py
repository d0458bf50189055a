"""Keys of the worker."""

from __future__ import annotations

from biomero.adapters.config import kinds
from biomero.adapters.config.keys.setting import Setting
from biomero.adapters.config.kinds import choice, whole_number
from biomero.application.engine_socket import VARIABLE
from biomero.application.settings import LOG_FORMATS, WorkerSettings

_WORKER = WorkerSettings()

WORKER = (
    Setting(
        section="WORKER",
        key="http_address",
        kind=kinds.HTTP_ADDRESS,
        variables=("BIOMERO_WORKER_HTTP",),
        example="127.0.0.1:8766",
        meaning="Where `biomero worker` serves `/metrics`, `/healthz` and `/readyz`. Without it, port 8766 "
        "of this machine alone, where that is free.",
    ),
    Setting(
        section="WORKER",
        key="socket",
        kind=kinds.LOCAL_PATH,
        variables=(VARIABLE,),
        example="/run/biomero/engine.sock",
        meaning="The socket at which `biomero worker` takes orders of scripts of OMERO, of this machine and "
        "account. Without it, `engine/engine.sock` in the state folder. Scripts find it by the variable, or "
        "by `BIOMERO_STATE`.",
    ),
    Setting(
        section="WORKER",
        key="log_format",
        kind=choice(LOG_FORMATS),
        default="text",
        variables=("BIOMERO_LOG_FORMAT",),
        meaning="How `biomero worker` writes its log: lines for people, or a JSON document a line.",
    ),
    Setting(
        section="WORKER",
        key="max_exports",
        kind=whole_number(at_least=1),
        default=str(_WORKER.max_exports),
        meaning="How many runs may read and send their images at once, all workers counted; "
        "exports and transfers share this limit.",
    ),
    Setting(
        section="WORKER",
        key="max_submits",
        kind=whole_number(at_least=1),
        default=str(_WORKER.max_submits),
        meaning="How many runs may be handed to schedulers at once.",
    ),
    Setting(
        section="WORKER",
        key="max_fetches",
        kind=whole_number(at_least=1),
        default=str(_WORKER.max_fetches),
        meaning="How many runs may fetch their results at once.",
    ),
    Setting(
        section="WORKER",
        key="max_deliveries",
        kind=whole_number(at_least=1),
        default=str(_WORKER.max_deliveries),
        meaning="How many runs may write their results at once.",
    ),
    Setting(
        section="WORKER",
        key="max_runs_per_user",
        kind=whole_number(at_least=1),
        example="50",
        meaning="How many runs of one user may have jobs on a cluster at once, conversions or workflows; "
        "any number without it.",
    ),
    Setting(
        section="WORKER",
        key="max_conversions",
        kind=whole_number(at_least=1),
        example="10",
        meaning="How many runs may have a conversion's job on a cluster at once, all users and workers "
        "counted; any number without it.",
    ),
)
