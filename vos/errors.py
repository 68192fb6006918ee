"""Everything that can go wrong in a way the user can understand.

VosError                 one sentence: what, got, allowed
├── InvalidInput         the request cannot be right: a prompt, an option, a name
│   └── UnreadableVideo  the file is not a video, is damaged beyond use, or breaks a limit
├── MissingWeights       an engine's weights are not in weights/ and cannot be had
├── DamagedResult        a stored result does not read back as it was written
├── StorageUnavailable   the folder of the results cannot be used: missing, read-only, a file, busy
│   └── DiskFull         there is no room left on its disk
├── QueueFull            the job queue is at its bound
└── Cancelled            the user stopped the job
"""


class VosError(Exception):
    """A problem that one sentence explains to the user; its text is shown as it is."""


class InvalidInput(VosError):
    """The request cannot be right; the sentence says what was got and what is allowed."""


class UnreadableVideo(InvalidInput):
    """The file is not a video, is damaged beyond use, or breaks a limit."""


class MissingWeights(VosError):
    """An engine's weights are not in weights/ and cannot be had."""


class DamagedResult(VosError):
    """A stored result does not read back as it was written."""


class StorageUnavailable(VosError):
    """The folder of the results, or one to write to, cannot be used; the sentence says why."""


class DiskFull(StorageUnavailable):
    """There is no room left on the disk."""


class QueueFull(VosError):
    """The job queue is at its bound."""


class Cancelled(VosError):
    """The user stopped the job."""
