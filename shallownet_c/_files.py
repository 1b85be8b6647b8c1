"""Every file that the package writes: whole or not at all, with nothing left over, whoever else writes there.

A file grows as a scratch file in the same folder, under a name that nobody can foretell, and takes its place by a
rename. While it grows its writer holds a lock on it, which ends with the process: a scratch file that nobody holds was
left by a process that died, and the next write into that folder removes it.
"""

import contextlib
import errno
import os
import re
import stat
import time
from collections.abc import Iterable

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

SCRATCH = re.compile(r"\.shallownet_c-[0-9a-f]{16}\.part")
#: A scratch file is taken for one that nobody writes any more after so long, where there are no locks to tell.
STALE_SECONDS = 86_400
#: A link in place of the file is not followed, a pipe not waited for, and no child process gets the file.
FLAGS = sum(getattr(os, name, 0) for name in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))


def replace(path: str | os.PathLike[str], chunks: Iterable[bytes]) -> None:
    """Write a file that appears whole or not at all; a link at `path` goes on pointing to it.

    A file that is replaced hands on its mode and, as far as the system allows, its owner.

    Raises
    ------
    OSError
        If it cannot be written, or something else than a regular file is there. What was there is as it was.
    """
    target, old = _destination(path)
    folder = os.path.dirname(target)
    _remove_stale(folder)
    descriptor, scratch = _scratch(folder, 0o666 if old is None else 0o600)
    try:
        with open(descriptor, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            if old is not None:
                _hand_on_access(descriptor, old)
            os.fsync(descriptor)
            if fcntl is None:
                file.close()  # Windows renames no open file
            os.replace(scratch, target)  # while it is locked, or another writer might remove it
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(scratch)
        raise
    _sync_folder(folder)


def check(path: str | os.PathLike[str]) -> None:
    """The error that `replace` would end in, as far as it can be known before the work that makes the content."""
    target, old = _destination(path)
    folder = os.path.dirname(target)
    descriptor, scratch = _scratch(folder, 0o600)
    os.close(descriptor)
    os.unlink(scratch)
    if old is not None and hasattr(os, "geteuid"):
        place = os.stat(folder)
        # In a folder such as /tmp nobody may replace what belongs to another.
        if place.st_mode & stat.S_ISVTX and os.geteuid() not in (0, place.st_uid, old.st_uid):
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), target)


def _destination(path: str | os.PathLike[str]) -> tuple[str, os.stat_result | None]:
    """Where links lead to, and the regular file that is there."""
    target = os.path.realpath(os.fsdecode(path))
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), folder)
    try:
        found = os.stat(target)
    except FileNotFoundError:
        return target, None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), target)
    if not stat.S_ISREG(found.st_mode):
        # Replaced, a device such as /dev/null would be gone for every program.
        raise OSError(errno.EINVAL, "not a regular file", target)
    return target, found


def _scratch(folder: str, mode: int) -> tuple[int, str]:
    """A new file, open and locked, and its path."""
    while True:
        path = os.path.join(folder, f".shallownet_c-{os.urandom(8).hex()}.part")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | FLAGS, mode)
        except OSError as error:
            # Of the folder: its user has never heard of this file.
            raise OSError(error.errno, f"cannot write into the folder: {error.strerror}", folder) from None
        # Another writer may have found it before it was locked, and taken it for one of the dead.
        if _lock(descriptor) is not False and os.fstat(descriptor).st_nlink > 0:
            return descriptor, path
        os.close(descriptor)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def _lock(descriptor: int) -> bool | None:
    """Whether the file is locked by this from now on; None where there are no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a file system without
        return None
    return True


def _remove_stale(folder: str) -> None:
    """Remove what dead processes have left in the folder, as far as the system allows."""
    with contextlib.suppress(OSError):
        for name in filter(SCRATCH.fullmatch, os.listdir(folder)):
            with contextlib.suppress(OSError):
                _remove_if_stale(os.path.join(folder, name))


def _remove_if_stale(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | FLAGS)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return
        locked = _lock(descriptor)
        if locked or (locked is None and time.time() - found.st_mtime > STALE_SECONDS):
            os.unlink(path)
    finally:
        os.close(descriptor)


def _hand_on_access(descriptor: int, old: os.stat_result) -> None:
    """Give the new file the old one's owner, group and mode, or less where the system does not allow that."""
    if not hasattr(os, "fchown"):
        return
    mode = stat.S_IMODE(old.st_mode) & 0o777
    try:
        os.fchown(descriptor, old.st_uid, old.st_gid)
    except OSError:
        try:
            os.fchown(descriptor, -1, old.st_gid)
        except OSError:
            mode &= 0o707 | (mode & 0o007) << 3  # another group may do no more than everybody
    with contextlib.suppress(OSError):  # a file system without
        os.fchmod(descriptor, mode)


def _sync_folder(folder: str) -> None:
    """Let the new name outlive a loss of power, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | FLAGS)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
