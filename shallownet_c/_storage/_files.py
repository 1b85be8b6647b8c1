"""How the package writes every file: whole or not at all, with nothing left over, even if others write there, too.

A file grows as a scratch file in the same folder, under a name that cannot be predicted, and is then renamed into
place. While it grows, its writer holds a lock on it, which ends with the process: a scratch file without a lock was
left behind by a process that died, and the next write into that folder removes it.
"""

import contextlib
import errno
import os
import re
import stat
import time
from collections.abc import Iterable
from io import BufferedReader

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

SCRATCH = re.compile(r"\.shallownet_c-[0-9a-f]{16}\.part")
ACCESS_LIST = "system.posix_acl_access"
#: Where there are no locks to tell, a scratch file of this age counts as left behind.
STALE_SECONDS = 86_400
#: A link in the place of the file is not followed, a pipe is not waited for, and no child process inherits the file.
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
                _hand_on_access(descriptor, target, old)
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
    """Raise the error that `replace` would raise, as far as it can be known before the content has been made."""
    target, old = _destination(path)
    folder = os.path.dirname(target)
    descriptor, scratch = _scratch(folder, 0o600)
    os.close(descriptor)
    with contextlib.suppress(FileNotFoundError):  # another writer may have removed it as left behind
        os.unlink(scratch)
    if old is not None and hasattr(os, "geteuid"):
        place = os.stat(folder)
        # In a folder with the sticky bit, such as /tmp, only a file's owner may replace it.
        if place.st_mode & stat.S_ISVTX and os.geteuid() not in (0, place.st_uid, old.st_uid):
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), target)


def opened(path: str | os.PathLike[str]) -> BufferedReader:
    """Open a regular file for reading; anything else is a ValueError, since a pipe or a device might never answer."""
    return open(path, "rb", opener=_open_regular)


def _open_regular(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # for a folder `open` has an error of its own
        os.close(descriptor)
        raise ValueError(f"{os.fsdecode(path)} is not a regular file")
    return descriptor


class Lock:
    """A lock on a path: only one Lock on the same path can be held at a time, in this process and in all others.

    It locks a file of its own in the same folder. That lock ends with the process, and the file is removed when the
    Lock is released. Where the file system has no locks, it does nothing.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        import hashlib  # it loads OpenSSL, which only checkpoints need

        self.target = os.path.realpath(os.fsdecode(path))
        folder, name = os.path.split(self.target)
        digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]  # short, however long the name
        self.path = os.path.join(folder, f".shallownet_c-{digest}.lock")
        self.descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock; a BlockingIOError if it is held elsewhere."""
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | FLAGS, 0o666)
            locked = _lock(descriptor)
            if locked and self._is_at_its_place(descriptor):
                self.descriptor = descriptor
                _held.add(self)
                return
            os.close(descriptor)
            if locked is None:
                with contextlib.suppress(OSError):
                    os.unlink(self.path)
                return
            if not locked:
                raise BlockingIOError(errno.EWOULDBLOCK, "another writer holds it", self.target)
            # The holder has removed the file after we opened it and before we locked it.

    def release(self) -> None:
        if self.descriptor is None:
            return
        _held.discard(self)
        if self._is_at_its_place(self.descriptor):
            with contextlib.suppress(OSError):
                os.unlink(self.path)  # still locked: whatever opened it before checks its place after locking it
        os.close(self.descriptor)
        self.descriptor = None

    def _is_at_its_place(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.lstat(self.path))
        except FileNotFoundError:
            return False


_held: set[Lock] = set()


def _in_forked_child() -> None:
    # The lock belongs to the parent, and would outlive it in a child that keeps the file open.
    for lock in _held:
        if lock.descriptor is not None:
            os.close(lock.descriptor)
            lock.descriptor = None
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_forked_child)


def _destination(path: str | os.PathLike[str]) -> tuple[str, os.stat_result | None]:
    """Where the path leads, links followed, and the status of the regular file there, if there is one."""
    if not os.fspath(path):  # whose real path is the folder in use
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
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
        # Replacing a device such as /dev/null would take it from every program.
        raise OSError(errno.EINVAL, "not a regular file", target)
    return target, found


def _scratch(folder: str, mode: int) -> tuple[int, str]:
    """A new file, open and locked, and its path."""
    while True:
        path = os.path.join(folder, f".shallownet_c-{os.urandom(8).hex()}.part")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | FLAGS, mode)
        except OSError as error:
            # The error names the folder, since the caller does not know the scratch file.
            raise OSError(error.errno, f"cannot write into the folder: {error.strerror}", folder) from None
        # Another writer may have found it before it was locked, and removed it as left behind.
        if _lock(descriptor) is not False and os.fstat(descriptor).st_nlink > 0:
            return descriptor, path
        os.close(descriptor)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def _lock(descriptor: int) -> bool | None:
    """Whether this call has locked the file; None where there are no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a file system without locks
        return None
    return True


def _remove_stale(folder: str) -> None:
    """Remove what dead processes have left in the folder, as far as the system allows.

    A folder is searched again only after twenty times as long as the last search took.
    """
    global _looked_through
    began = time.monotonic()
    if _looked_through[0] == folder and began < _looked_through[1]:
        return
    with contextlib.suppress(OSError):
        for name in filter(SCRATCH.fullmatch, os.listdir(folder)):
            with contextlib.suppress(OSError):
                _remove_if_stale(os.path.join(folder, name))
    now = time.monotonic()
    _looked_through = (folder, now + 20 * (now - began))


#: The folder of the last write, and until when it need not be searched again.
_looked_through = ("", 0.0)


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


def _hand_on_access(descriptor: int, target: str, old: os.stat_result) -> None:
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
    if not _hand_on_list(descriptor, target):
        mode &= 0o707
    with contextlib.suppress(OSError):  # a file system without modes
        os.fchmod(descriptor, mode)


def _hand_on_list(descriptor: int, target: str) -> bool:
    """Give the new file the old one's access control list; False if that is not possible.

    Where there is such a list, the group's bits of the mode bound what its entries allow.
    """
    if not hasattr(os, "getxattr"):
        return True
    try:
        entries = os.getxattr(target, ACCESS_LIST)
    except OSError:
        return True  # there is none
    try:
        os.setxattr(descriptor, ACCESS_LIST, entries)
    except OSError:
        return False
    return True


def _sync_folder(folder: str) -> None:
    """Let the new name outlive a loss of power, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | FLAGS)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
