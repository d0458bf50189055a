"""Every exception that BIOMERO raises.

::

    BiomeroError
    ├── UsageError                      what was asked for cannot be done as asked; exit code 2
    │   ├── ConfigurationError          a setting, an alias or a file of settings
    │   ├── DescriptorError             a workflow descriptor that is not valid
    │   ├── UnknownWorkflowError        no workflow of that name or place
    │   ├── ParameterError              a parameter: unknown, missing, of the wrong type, out of range
    │   ├── InputError                  an input: missing, empty, of one name with another
    │   ├── UnknownRunError             no run of that id
    │   ├── UnknownTaskError            no task of that id
    │   ├── NotRepeatableError          a run cannot be repeated: an input or its workflow is not what it was
    │   ├── ContainerImageError         the container image or environment of a workflow cannot be had
    │   └── WorkerRunningError          there is a worker already, and the database is for one
    ├── ImageError                      pixels
    │   ├── ImageReadError              an image that cannot be read: truncated, damaged, foreign
    │   │   └── UnsupportedImageError   nothing is wrong with it, but this reader does not read its kind
    │   └── ImageWriteError             an image that cannot be written
    ├── ClusterError                    the cluster or the way to it
    │   ├── ConnectionFailedError       no connection (transient)
    │   ├── HostKeyError                the host showed a key that is unknown or has changed
    │   ├── AuthenticationFailedError   the host refused the login
    │   │   └── ClusterBarredError      it did so too often: nothing is sent there until a person says so
    │   ├── RemoteCommandError          a remote command ended with an exit status nobody expected
    │   ├── RemoteTimeoutError          a remote command did not end in time (transient)
    │   ├── TransferError               bytes that did not arrive
    │   │   ├── NoSpaceError            the far end is full
    │   │   ├── RemotePermissionError   the far end does not let us
    │   │   ├── TransferCorruptError    what arrived is not what was sent (transient)
    │   │   └── UnsafePathError         a name that leaves its folder
    │   ├── SubmissionRejectedError     the scheduler would refuse the same job again
    │   │   └── ArrayTooLargeError      it takes no job array of so many tasks
    │   ├── SchedulerUnavailableError   the scheduler cannot be asked now (transient)
    │   │   └── SchedulerBusyError      it answers, and takes no more jobs until others have ended
    │   ├── JobNotEndedError            a job was told to end, and has not ended yet (transient)
    │   └── UnparsableOutputError       a program said something that we do not understand
    ├── RecordError                     the database of runs
    │   ├── DatabaseUnavailableError    it cannot be reached, or it broke off (transient)
    │   ├── RecordConflictError         others changed the same run again and again (transient)
    │   └── SchemaError                 its tables are of another release; the message has the command
    ├── OmeroError                      OMERO, or the way to it
    │   ├── OmeroUnavailableError       it does not answer (transient)
    │   ├── OmeroSessionError           a session ended before its time (transient)
    │   ├── OmeroLoginError             it refused the login
    │   ├── OmeroObjectError            no such object, or the user may not see it
    │   ├── OmeroPermissionError        the user may not do that there
    │   └── OmeroScriptError            a script did not run there and back
    ├── NotificationError               people could not be told how a run ended
    │   ├── NotificationFailedError     it did not get through (transient)
    │   └── NotificationRefusedError    the receiver would refuse the same message again
    ├── EngineAbsentError               the run engine does not answer a program beside it (transient)
    ├── EngineRefusedError              it answers one that it cannot be done; says whether that stays so
    ├── LeaseLostError                  another process works on the run now; what this one did is dropped
    └── RunPausedError                  a run waits for a person; resuming goes on where it stands

``transient`` says whether the same attempt may succeed later; nothing else decides on a retry.
"""

from __future__ import annotations


class BiomeroError(Exception):
    """The base of every exception that BIOMERO raises."""

    transient: bool = False


class UsageError(BiomeroError):
    """What was asked for cannot be done as it was asked."""


class ConfigurationError(UsageError, ValueError):
    """A setting is wrong, or a name in a configuration does not resolve."""


class DescriptorError(UsageError, ValueError):
    """A workflow descriptor is not valid; the message names file and field."""


class UnknownWorkflowError(UsageError, LookupError):
    """There is no workflow of that name, path or address."""


class ParameterError(UsageError, ValueError):
    """A parameter is unknown, missing, of the wrong type or outside what is allowed."""


class InputError(UsageError, ValueError):
    """An input cannot be used: missing, empty, not a file, or of one name with another."""


class UnknownRunError(UsageError, LookupError):
    """There is no run of that id."""


class UnknownTaskError(UsageError, LookupError):
    """There is no task of that id."""


class NotRepeatableError(UsageError):
    """A run cannot be repeated as it was: an input or its workflow is gone or has changed."""


class ContainerImageError(UsageError):
    """The container image or the environment of a workflow cannot be had."""


class WorkerRunningError(UsageError):
    """A worker drives the runs of this database already; SQLite is for one."""


class ImageError(BiomeroError):
    """Something is wrong with pixels."""


class ImageReadError(ImageError, ValueError):
    """An image cannot be read: truncated, damaged, or of a format that nothing here reads."""


class UnsupportedImageError(ImageReadError):
    """An image is not of a kind that this reader reads, or its library is missing; another may."""


class ImageWriteError(ImageError):
    """An image cannot be written."""


class ClusterError(BiomeroError):
    """The cluster, or the way to it, failed."""


class ConnectionFailedError(ClusterError, ConnectionError):
    """There is no connection to the host."""

    transient = True


class HostKeyError(ClusterError):
    """The host showed a key that is unknown or has changed; nothing was sent to it."""


class AuthenticationFailedError(ClusterError):
    """The host refused the login."""


class ClusterBarredError(AuthenticationFailedError):
    """The cluster refused too many logins; nothing is sent there until a person or new settings say so."""


class RemoteCommandError(ClusterError):
    """A remote command ended with an exit status that nobody expected."""


class RemoteTimeoutError(ClusterError, TimeoutError):
    """A remote command did not end in time; it may still be running."""

    transient = True


class TransferError(ClusterError):
    """Bytes did not arrive; nothing stands half-written under its final name."""


class NoSpaceError(TransferError):
    """The far end has no space or quota left."""


class RemotePermissionError(TransferError, PermissionError):
    """The far end does not let us read or write there."""


class TransferCorruptError(TransferError):
    """What arrived is not what was sent."""

    transient = True


class UnsafePathError(TransferError, ValueError):
    """A name in a transfer would leave its folder: absolute, ``..``, or through a link."""


class SubmissionRejectedError(ClusterError):
    """The scheduler refused the job and would refuse it again."""


class ArrayTooLargeError(SubmissionRejectedError):
    """The cluster takes no job array of so many tasks at once; a shorter one it might."""


class SchedulerUnavailableError(ClusterError):
    """The scheduler cannot be asked now; what it would say is unknown."""

    transient = True


class SchedulerBusyError(SchedulerUnavailableError):
    """A limit on jobs is reached: nothing was submitted, and the same job will be taken later."""


class JobNotEndedError(ClusterError):
    """A job was told to end, and has not ended yet."""

    transient = True


class UnparsableOutputError(ClusterError, ValueError):
    """A program said something that we do not understand; the message holds the text."""


class RecordError(BiomeroError):
    """The database that holds runs and views failed; nothing was half written."""


class DatabaseUnavailableError(RecordError, ConnectionError):
    """The database cannot be reached, or broke off; the message shows no password."""

    transient = True


class RecordConflictError(RecordError):
    """Others changed the same run or task at every attempt; nothing was written."""

    transient = True


class SchemaError(RecordError):
    """The tables of views are those of another release; the message says what to do."""


class OmeroError(BiomeroError):
    """OMERO, or the way to it."""


class OmeroUnavailableError(OmeroError, ConnectionError):
    """OMERO does not answer."""

    transient = True


class OmeroSessionError(OmeroError, ConnectionError):
    """A session ended before its time; a new one goes on."""

    transient = True


class OmeroLoginError(OmeroError, PermissionError):
    """OMERO refused a user, or the service account the right to act for one."""


class OmeroObjectError(OmeroError, LookupError):
    """There is no such object in OMERO, or the user may not see it."""


class OmeroPermissionError(OmeroError, PermissionError):
    """OMERO does not let the user do that: the message says what, where, and what would help."""


class OmeroScriptError(OmeroError):
    """A script of OMERO did not run there and back; the message says what OMERO says."""


class NotificationError(BiomeroError):
    """People could not be told what became of a run."""


class NotificationFailedError(NotificationError, ConnectionError):
    """The message did not get through; it is unknown whether it arrived."""

    transient = True


class NotificationRefusedError(NotificationError):
    """The receiver refused the message, and would refuse it again."""


class EngineAbsentError(BiomeroError, ConnectionError):
    """The run engine does not answer a program beside it."""

    transient = True


class EngineRefusedError(BiomeroError):
    """The run engine answers a program beside it that what it asked cannot be done.

    Parameters
    ----------
    is_transient
        What the engine says of trying again.
    """

    def __init__(self, message: str, *, is_transient: bool = False) -> None:
        super().__init__(message)
        self.transient = is_transient


class LeaseLostError(BiomeroError):
    """Another process works on the run now; nothing that this one says of it is stored any more."""


class RunPausedError(BiomeroError):
    """A run waits for a person; resuming goes on where it stands."""
