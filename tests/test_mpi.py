"""The example with MPI, by several processes: Allreduce on the buffer of `accumulate_grad`."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mpi4py", reason="mpi4py comes with the extra test-all")
EXAMPLE = Path(__file__).parents[1] / "examples" / "mpi_allreduce.py"
#: PyPI's mpich puts its own beside Python.
MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
#: Open MPI runs as root, and more processes than there are cores, only if it is told to, each version in its own way.
ENVIRONMENT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "true",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    "OMP_NUM_THREADS": "1",
}


@pytest.mark.skipif(MPIEXEC is None, reason="there is no mpiexec")
@pytest.mark.parametrize("processes", [1, 2, 3])
def test_all_processes_hold_the_network_of_one(processes, tmp_path):
    command = [MPIEXEC, "-n", str(processes), sys.executable, "-P", "-W", "error", str(EXAMPLE), "--quick"]
    process = subprocess.run(
        command, cwd=tmp_path, env=os.environ | ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False
    )
    assert (process.returncode, process.stderr) == (0, "")
    output = process.stdout
    assert output.startswith(f"{processes} processes, 2000 rows")
    rows = [(int(first), int(last)) for first, last in re.findall(r"(\d+) … (\d+)", output)]
    assert [first for first, _ in rows] == [0, *(last + 1 for _, last in rows[:-1])]
    assert (len(rows), rows[-1][1]) == (processes, 1_999)
    assert "all processes hold the same bits: True" in output
    difference = re.search(r"one process with all rows: (\S+)$", output, re.MULTILINE)
    assert float(difference[1]) < 1e-12
    assert not list(tmp_path.iterdir())
