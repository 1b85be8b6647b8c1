"""What the tests of files need of other users than the one who runs them."""

import os
import subprocess
import sys

import pytest

posix = pytest.mark.skipif(os.name != "posix", reason="modes, owners and links are POSIX's")
root = pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root gives files to other users")

AS_NOBODY = """
import os, sys
import numpy as np, numpy.random
import shallownet_c as sn
from shallownet_c._storage import _files
from shallownet_c import resumption
if os.geteuid() == 0:  # once everything is imported: others may not be able to read it
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
"""


def as_nobody(program, *arguments):
    """Run a program as a user whom modes of files hold for, as they do not for root."""
    command = [sys.executable, "-P", "-c", AS_NOBODY + program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
