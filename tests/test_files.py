"""Files are written whole or not at all, and nothing is left over: by one writer or several, with or without locks."""

import errno
import os
import stat
import struct

import numpy as np
import pytest
from users import as_nobody, posix, root

import shallownet_c as sn
from shallownet_c._storage import _files


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_content_comes_in_pieces(tmp_path):
    _files.replace(tmp_path / "file", [b"one ", b"", b"two"])
    assert (tmp_path / "file").read_bytes() == b"one two"
    _files.replace(os.fsencode(tmp_path / "file"), iter([b"three"]))
    assert (tmp_path / "file").read_bytes() == b"three"
    assert names(tmp_path) == ["file"]


def test_a_failing_source_of_content_leaves_the_old_file(tmp_path):
    def chunks():
        yield b"new"
        raise KeyboardInterrupt

    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        _files.replace(tmp_path / "file", chunks())
    assert (tmp_path / "file").read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


@posix
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_mode_that_open_gives(tmp_path, umask):
    before = os.umask(umask)
    try:
        (tmp_path / "plain").touch()
        _files.replace(tmp_path / "file", [b"x"])
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "plain").stat().st_mode


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o666, 0o755])
def test_mode_of_a_replaced_file_is_kept(tmp_path, mode):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(mode)
    seen = []

    def chunks():
        yield b"new"
        (scratch,) = tmp_path.glob(".*.part")
        seen.append(stat.S_IMODE(scratch.stat().st_mode))

    _files.replace(path, chunks())
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert seen == [0o600]  # nobody else's, until it has the old one's owner


@posix
@root
def test_owner_of_a_replaced_file_is_kept(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    os.chown(path, 12345, 23456)
    path.chmod(0o640)
    _files.replace(path, [b"new"])
    found = path.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (12345, 23456, 0o640)


@posix
@root
@pytest.mark.parametrize(("mode", "kept"), [(0o664, 0o644), (0o640, 0o600), (0o666, 0o666), (0o4755, 0o755)])
def test_another_users_file_gives_no_more_to_anybody(public, mode, kept):
    """Who may not give files away owns the new one; its group may do what everybody may."""
    public.chmod(0o777)
    path = public / "file"
    path.write_bytes(b"old")
    os.chown(path, 12345, 23456)
    path.chmod(mode)
    as_nobody("_files.replace(sys.argv[1], [b'new'])", path)
    found = path.stat()
    assert path.read_bytes() == b"new"
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (65534, kept)


@posix
def test_a_link_in_the_scratch_files_place_is_not_followed(tmp_path, monkeypatch):
    victim, folder = tmp_path / "victim", tmp_path / "folder"
    folder.mkdir()
    victim.write_bytes(b"precious")
    monkeypatch.setattr(os, "urandom", bytes)  # a name that can be foretold
    (folder / f".shallownet_c-{'00' * 8}.part").symlink_to(victim)
    with pytest.raises(OSError, match="cannot write into the folder"):
        sn.MLP([2, 1], seed=0).save(folder / "net")
    assert victim.read_bytes() == b"precious"


@posix
def test_links(tmp_path):
    os.symlink("loop", tmp_path / "loop")
    with pytest.raises(OSError, match="loop") as caught:
        _files.replace(tmp_path / "loop", [b"x"])
    assert caught.value.errno == errno.ELOOP
    os.symlink("later", tmp_path / "link")
    _files.replace(tmp_path / "link", [b"x"])
    assert (tmp_path / "later").read_bytes() == b"x"
    assert (tmp_path / "link").is_symlink()
    assert names(tmp_path) == ["later", "link", "loop"]


#: "user::rw-", "user:12345:rw-", "group::---", "mask::rw-", "other::---" as Linux stores them.
ENTRIES = [(1, 6, -1), (2, 6, 12345), (4, 0, -1), (16, 6, -1), (32, 0, -1)]
LIST = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in ENTRIES)


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="access control lists are looked for on Linux alone")
@pytest.mark.parametrize("possible", [True, False])
def test_access_control_lists(tmp_path, monkeypatch, possible):
    """The mode says rw-rw---- of such a file, whose group may do nothing."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    try:
        os.setxattr(path, _files.ACCESS_LIST, LIST)
    except OSError:
        pytest.skip("this file system has no access control lists")
    assert stat.S_IMODE(path.stat().st_mode) == 0o660

    def setxattr(*_):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    if not possible:
        monkeypatch.setattr(os, "setxattr", setxattr)
    _files.replace(path, [b"new"])
    assert path.read_bytes() == b"new"
    if possible:
        assert os.getxattr(path, _files.ACCESS_LIST) == LIST
    assert stat.S_IMODE(path.stat().st_mode) == (0o660 if possible else 0o600)


def test_a_large_folder_is_not_looked_through_at_every_write(tmp_path, monkeypatch):
    listed, clock = [], [0.0]
    names_of = os.listdir

    def slow(folder):
        listed.append(folder)
        clock[0] += 1.0
        return names_of(folder)

    monkeypatch.setattr(_files.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(os, "listdir", slow)
    for _ in range(3):
        _files.replace(tmp_path / "file", [b"x"])
    assert len(listed) == 1
    clock[0] += 20.0
    _files.replace(tmp_path / "file", [b"x"])
    assert len(listed) == 2


def leave_stale(folder, name=f".shallownet_c-{'ab' * 8}.part"):
    """What a writer leaves behind that is killed."""
    (folder / name).write_bytes(b"half a fi")
    return folder / name


def test_what_dead_writers_left_is_removed_and_nothing_else(tmp_path):
    others = [".shallownet_c-12.part", ".0123456789abcdef.part", "x.part", f"a.shallownet_c-{'ab' * 8}.part"]
    for name in others:
        (tmp_path / name).touch()
    leave_stale(tmp_path)
    (tmp_path / f".shallownet_c-{'cd' * 8}.part").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / f".shallownet_c-{'ef' * 8}.part")
        others.append(f".shallownet_c-{'ef' * 8}.part")
    _files.replace(tmp_path / "file", [b"x"])
    assert names(tmp_path) == sorted([*others, f".shallownet_c-{'cd' * 8}.part", "file"])


def test_what_a_writer_holds_is_left_alone(tmp_path, monkeypatch):
    def chunks():
        yield b"first"
        monkeypatch.setattr(_files, "_looked_through", ("", 0.0))
        _files.replace(tmp_path / "other", [b"x"])  # would remove the file that grows
        assert len(list(tmp_path.glob(".*.part"))) == 1

    _files.replace(tmp_path / "file", chunks())
    assert names(tmp_path) == ["file", "other"]


def test_without_locks_age_decides(tmp_path, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(_files.fcntl, "flock", flock)
    stale, young = leave_stale(tmp_path), leave_stale(tmp_path, f".shallownet_c-{'cd' * 8}.part")
    os.utime(stale, (1e9, 1e9))
    _files.replace(tmp_path / "file", [b"x"])
    assert names(tmp_path) == sorted([young.name, "file"])


def test_a_scratch_file_that_was_taken_for_stale_is_made_anew(tmp_path, monkeypatch):
    """Between the moment when it is there and the moment when it is locked another writer may remove it."""
    lock, calls = _files._lock, []

    def late(descriptor):
        if not calls:
            calls.append(descriptor)
            (scratch,) = tmp_path.glob(".*.part")
            _files._remove_if_stale(str(scratch))
            assert not scratch.exists()
        return lock(descriptor)

    monkeypatch.setattr(_files, "_lock", late)
    _files.replace(tmp_path / "file", [b"x"])
    assert calls
    assert (tmp_path / "file").read_bytes() == b"x"
    assert names(tmp_path) == ["file"]


@posix
def test_check_finds_before_the_work_what_would_stop_it(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(FileNotFoundError, match="nowhere"):
        _files.check(tmp_path / "nowhere" / "file")
    with pytest.raises(FileNotFoundError, match="No such file or directory: ''"):
        _files.check("")
    with pytest.raises(IsADirectoryError):
        _files.check(folder)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        _files.check(tmp_path / "pipe")
    with pytest.raises(OSError, match="too long"):
        _files.check(folder / ("n" * 300))
    assert _files.check(folder / "file") is None
    assert names(folder) == []


def test_check_beside_another_writer(tmp_path, monkeypatch):
    """Which may remove the file of the trial as soon as it is not locked any more."""
    close, removed = os.close, []

    def then_another_comes(descriptor):
        close(descriptor)
        for scratch in tmp_path.glob(".*.part"):
            removed.append(scratch)
            scratch.unlink()

    monkeypatch.setattr(os, "close", then_another_comes)
    _files.check(tmp_path / "file")
    assert removed
    assert names(tmp_path) == []


TRIAL = """
for act in (_files.check, lambda path: _files.replace(path, [b"x"])):
    try:
        act(sys.argv[1])
    except PermissionError as error:
        print(error)
"""


@posix
@root
def test_check_finds_a_folder_that_cannot_be_written(public):
    said = as_nobody(TRIAL, public / "file").splitlines()
    assert said == [f"[Errno 13] cannot write into the folder: Permission denied: '{public}'"] * 2
    (public / "file").write_bytes(b"root's")
    public.chmod(0o1777)  # as /tmp is: anybody may write, but not replace what is another's
    said = as_nobody(TRIAL, public / "file").splitlines()
    assert len(said) == 2
    assert said[0] == f"[Errno 1] Operation not permitted: '{public / 'file'}'"
    assert names(public) == ["file"]


def test_every_file_goes_this_way(tmp_path, monkeypatch):
    written = []

    def replace(path, chunks):
        written.append((path, b"".join(chunks)))

    monkeypatch.setattr(_files, "replace", replace)
    net = sn.MLP([2, 1], seed=0)
    net.save(tmp_path / "net")
    net.fit(np.eye(2), np.ones(2), epochs=1, checkpoint=tmp_path / "fit")
    assert [os.fspath(path) for path, _ in written] == [str(tmp_path / "net"), str(tmp_path / "fit")]
    assert names(tmp_path) == []
