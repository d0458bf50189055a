"""What is asked for beside runs of workflows: imports, and images onto a cluster and converted there."""

from __future__ import annotations

from dataclasses import dataclass

from biomero.application.import_again import check_import, import_again
from biomero.application.order_once import OrderKey, OrderOnce, is_known
from biomero.application.own_runs import own_run, run_of_job
from biomero.application.ports.workflows import CONVERTER
from biomero.application.run_request import RunRequest
from biomero.application.send_file import send_attached_file
from biomero.application.send_images import accept_sending, check_sending, convert_sent, sent_images
from biomero.domain.ids import RunId
from biomero.domain.omero import OmeroUser
from biomero.entrypoints.worker.api.order_json import (
    read_conversion,
    read_file_sending,
    read_import,
    read_sending,
)
from biomero.entrypoints.worker.api.worlds import Worlds


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, and who asks."""

    worlds: Worlds
    user: OmeroUser
    server: str
    body: object

    def key(self, text: str) -> RunId:
        """Return what makes two requests of the user the same."""
        return OrderKey(server=self.server, user_id=self.user.id, text=text).run_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The run that does it; none where only a sentence was wanted."""

    run_id: RunId | None = None
    is_new: bool = False
    sentence: str = ""


def accept_errand(what: str, asked: Asked, once: OrderOnce) -> Accepted:
    """Accept an import, a transfer of images or of a file, or a conversion.

    Raises
    ------
    BiomeroError
        If it cannot be done; the message says why.
    """
    match what:
        case "imports":
            return _import(asked, once)
        case "transfers":
            return _send(asked, once)
        case "files":
            return _send_file(asked, once)
        case _:
            return _convert(asked, once)


def _import(asked: Asked, once: OrderOnce) -> Accepted:
    wanted, services = read_import(asked.body), asked.worlds.now()
    if wanted.job is None:
        run = own_run(wanted.run, asked.user, services, server=asked.server)
    else:
        run = run_of_job(wanted.job, asked.user, services, server=asked.server)
    services = asked.worlds.for_run(RunRequest.from_json(run.request))
    if wanted.only_check:
        check_import(run, wanted.wishes, services)
        return Accepted(sentence=f"Results of run {run.run_id[:8]} can be put into OMERO as you wish.")
    run_id, is_new = import_again(
        run,
        wanted.wishes,
        services,
        key=asked.key(wanted.key),
        requested_by=asked.user.name,
        makes_anew=wanted.makes_anew,
        alone=once.alone,
    )
    return Accepted(run_id=run_id, is_new=is_new)


def _send(asked: Asked, once: OrderOnce) -> Accepted:
    key, order = read_sending(asked.body, asked.user)
    services, run_id = asked.worlds.for_workflow(CONVERTER), asked.key(key)
    if is_known(run_id, services):
        return Accepted(run_id=run_id)
    request = check_sending(order, services, run_id=run_id)  # asks OMERO: others need not wait
    with once.alone:
        if is_known(run_id, services):
            return Accepted(run_id=run_id)
        return Accepted(run_id=accept_sending(request, services, run_id=run_id), is_new=True)


def _send_file(asked: Asked, once: OrderOnce) -> Accepted:
    key, source, order = read_file_sending(asked.body)
    run = sent_images(source, asked.user, asked.worlds.now(), server=asked.server)
    services = asked.worlds.for_run(RunRequest.from_json(run.request))
    run_id, is_new = send_attached_file(
        run, order, services, key=asked.key(key), requested_by=asked.user.name, alone=once.alone
    )
    return Accepted(run_id=run_id, is_new=is_new)


def _convert(asked: Asked, once: OrderOnce) -> Accepted:
    key, source = read_conversion(asked.body)
    run = sent_images(source, asked.user, asked.worlds.now(), server=asked.server)
    services = asked.worlds.for_run(RunRequest.from_json(run.request))
    with once.alone:
        run_id, is_new = convert_sent(run, services, key=asked.key(key), requested_by=asked.user.name)
    return Accepted(run_id=run_id, is_new=is_new)
