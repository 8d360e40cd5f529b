"""Everything that can go wrong, as one tree; each class carries its exit code and its name in JSON.

    RagcliError                 1  error
    ├── UsageError              2  usage
    │   └── ConfigError         2  config
    ├── NothingRelevant         3  nothing_relevant
    ├── EndpointError           4  endpoint          permanent: trying again would not help
    │   ├── WrongKey            4  auth
    │   ├── UnknownModel        4  unknown_model
    │   ├── ContextTooLong      4  context_too_long
    │   └── TransientError      4  endpoint          may pass: worth a retry
    │       ├── RateLimited     4  rate_limited
    │       ├── ServerFailed    4  server_error
    │       ├── ConnectionLost  4  connection
    │       └── TimedOut        4  timeout
    ├── PartialIngest           5  partial
    ├── StoreError              6  index
    │   ├── IndexMissing        6  index_missing
    │   ├── IndexLocked         6  index_locked
    │   ├── IndexDamaged        6  index_damaged
    │   ├── StoreUnwritable     6  index_unwritable  disk full, folder read-only
    │   └── ExchangeBusy        6  busy              another chat is writing this answer, or has just died
    ├── FileFailure             5  one of FAILURE_KINDS: one file could not be read
    ├── CacheFailed             1  cache             a tier of the cache is of no use now: a miss and one notice
    │   └── RedisAway           1  redis             away, slow, full or refusing: what asked goes on without it
    └── Interrupted           130  interrupted

Vendor errors are mapped to these at the edge (`store/`, `providers/`); nothing downstream reads a message to decide.
A person sees `message` and `remedy` on one line, never a traceback.
"""

from __future__ import annotations

from typing import ClassVar, Literal, get_args

FailureKind = Literal["encrypted", "corrupt", "unsupported", "unreadable", "empty", "no_text", "timeout", "too_large"]
FAILURE_KINDS: tuple[FailureKind, ...] = get_args(FailureKind)


class RagcliError(Exception):
    """What went wrong and why in `message`, what to do about it in `remedy`; both are one line."""

    exit_code: ClassVar[int] = 1
    kind: str = "error"

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}" if self.remedy else self.message


class UsageError(RagcliError):
    exit_code = 2
    kind = "usage"


class ConfigError(UsageError):
    kind = "config"


class NothingRelevant(RagcliError):
    exit_code = 3
    kind = "nothing_relevant"


class EndpointError(RagcliError):
    exit_code = 4
    kind = "endpoint"


class WrongKey(EndpointError):
    kind = "auth"


class UnknownModel(EndpointError):
    kind = "unknown_model"


class ContextTooLong(EndpointError):
    kind = "context_too_long"


class TransientError(EndpointError):
    """`retry_after` is the wait in seconds that the server asked for, where it did."""

    def __init__(self, message: str, *, remedy: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after = retry_after


class RateLimited(TransientError):
    kind = "rate_limited"


class ServerFailed(TransientError):
    kind = "server_error"


class ConnectionLost(TransientError):
    kind = "connection"


class TimedOut(TransientError):
    kind = "timeout"


class PartialIngest(RagcliError):
    exit_code = 5
    kind = "partial"


class StoreError(RagcliError):
    exit_code = 6
    kind = "index"


class IndexMissing(StoreError):
    kind = "index_missing"


class IndexLocked(StoreError):
    kind = "index_locked"


class IndexDamaged(StoreError):
    kind = "index_damaged"


class StoreUnwritable(StoreError):
    kind = "index_unwritable"


class ExchangeBusy(StoreError):
    """`seconds` are left of the writer's lease."""

    kind = "busy"

    def __init__(self, seconds: float) -> None:
        super().__init__("another chat is writing this answer", remedy="wait until it has ended, or ask something else")
        self.seconds = seconds


class CacheFailed(RagcliError):
    """A tier of the cache cannot be used now; whoever asks it makes that a miss, never a failure."""

    kind = "cache"


class RedisAway(CacheFailed):
    kind = "redis"


class FileFailure(RagcliError):
    """One file that yields no text; `kind` is one of FAILURE_KINDS. Raised while it is read, reported, never fatal."""

    exit_code = 5

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind: str = kind

    def __reduce__(self) -> tuple[type[FileFailure], tuple[str, str]]:
        """Survives the way back from a worker process."""
        return type(self), (self.kind, self.message)


class Interrupted(RagcliError):
    exit_code = 130
    kind = "interrupted"


def reason(error: Exception) -> str:
    """Why, in a few words: without the numbers and paths that the system puts around it."""
    if isinstance(error, UnicodeDecodeError):
        return f"it is not UTF-8, from byte {error.start + 1} on"
    if isinstance(error, RagcliError):
        return error.message
    return (isinstance(error, OSError) and error.strerror) or str(error)
