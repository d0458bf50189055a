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
    │   └── ContainerImageError         the container image or environment of a workflow cannot be had
    ├── ImageError                      pixels
    │   ├── ImageReadError              an image that cannot be read: truncated, damaged, foreign
    │   │   └── UnsupportedImageError   nothing is wrong with it, but this reader does not read its kind
    │   └── ImageWriteError             an image that cannot be written
    ├── ClusterError                    the cluster or the way to it
    │   ├── ConnectionFailedError       no connection (transient)
    │   ├── HostKeyError                the host showed a key that is unknown or has changed
    │   ├── AuthenticationFailedError   the host refused the login
    │   ├── RemoteCommandError          a remote command ended with an exit status nobody expected
    │   ├── RemoteTimeoutError          a remote command did not end in time (transient)
    │   ├── TransferError               bytes that did not arrive
    │   │   ├── NoSpaceError            the far end is full
    │   │   ├── RemotePermissionError   the far end does not let us
    │   │   ├── TransferCorruptError    what arrived is not what was sent (transient)
    │   │   └── UnsafePathError         a name that leaves its folder
    │   ├── SubmissionRejectedError     the scheduler would refuse the same job again
    │   ├── SchedulerUnavailableError   the scheduler cannot be asked now (transient)
    │   └── UnparsableOutputError       a program said something that we do not understand
    └── RunPausedError                  a run waits for a person; resuming goes on where it stands

``transient`` says whether the same attempt may succeed later; nothing else decides on a retry.
"""

from __future__ import annotations


class BiomeroError(Exception):
    """The base of every exception that BIOMERO raises."""

    transient: bool = False


class UsageError(BiomeroError):
    """What was asked for cannot be done as it was asked."""


class ConfigurationError(UsageError):
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


class ContainerImageError(UsageError):
    """The container image or the environment of a workflow cannot be had."""


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


class SchedulerUnavailableError(ClusterError):
    """The scheduler cannot be asked now; what it would say is unknown."""

    transient = True


class UnparsableOutputError(ClusterError, ValueError):
    """A program said something that we do not understand; the message holds the text."""


class RunPausedError(BiomeroError):
    """A run waits for a person; resuming goes on where it stands."""
