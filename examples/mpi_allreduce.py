"""Several machines with MPI: one network, trained on rows that are spread over the processes.

mpiexec -n 4 python examples/mpi_allreduce.py [--quick]

Needs mpi4py and an MPI: pip install mpi4py mpich. `train` is all there is to it: each process has rows of its own,
and in each step the processes add up P + 2 numbers. The rest makes data, and shows that all processes hold the same
network, and that one process with all rows comes to it, too. With a process for each core, set OMP_NUM_THREADS=1.
"""

import argparse
import time

import numpy as np
from mpi4py import MPI

import shallownet_c as sn


def train(
    comm: MPI.Comm, net: sn.MLP, optimizer: sn.optimizers.Optimizer, X: np.ndarray, y: np.ndarray, steps: int
) -> tuple[list[float], float]:
    """Full-batch steps on the rows of all processes; the cost before each step, and the seconds in Allreduce.

    X and y are this process's own rows. Every process makes as many steps, from the same parameters, with an optimizer
    of the same settings.
    """
    costs, waited = [], 0.0
    total = np.empty(net.n_params + 2, net.dtype)  # the gradient, Σ w L and Σ w, in one message
    for step in range(steps):
        total[:] = 0
        total[-2:] = net.accumulate_grad(X, y, total[:-2])
        started = time.perf_counter()
        comm.Allreduce(MPI.IN_PLACE, total)  # in the place of each process's sums those of all
        waited += time.perf_counter() - started
        costs.append(total[-2] / total[-1])
        optimizer.step(net, total[:-2], total[-1], epoch=step)
    return costs, waited


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="few rows and few steps")
    quick = parser.parse_args().quick
    m, steps = (2_000, 30) if quick else (400_000, 300)
    comm = MPI.COMM_WORLD

    # Every process would read rows of its own from a file; here they are a part of rows that each can make.
    X, y = sn.datasets.make_flower(m, seed=1, shuffle=True)
    own = slice(comm.rank * m // comm.size, (comm.rank + 1) * m // comm.size)
    net = sn.MLP([2, 16, 16, 1], output="sigmoid", seed=0)  # from the same seed, so the same everywhere
    comm.Bcast(net.params)  # … or the first process's
    started = time.perf_counter()
    costs, waited = train(comm, net, sn.Adam(0.02), X[own], y[own], steps)
    seconds = time.perf_counter() - started

    everyone = comm.gather((own, net.params.tobytes(), waited / steps), root=0)
    if comm.rank > 0:
        return
    print(f"{comm.size} processes, {m} rows, {net.n_params} parameters: {8 * (net.n_params + 2)} bytes in a message")
    print(f"{'process':>8}{'rows':>20}{'ms a step in Allreduce':>26}")
    for rank, (rows, _, waits) in enumerate(everyone):
        print(f"{rank:8}{f'{rows.start} … {rows.stop - 1}':>20}{1e3 * waits:26.3f}")
    print(f"{1e3 * seconds / steps:.3f} ms a step in all")
    print(f"\n{'step':>8}{'cost':>20}")
    for step in np.linspace(0, steps - 1, 6).astype(int):
        print(f"{step:8}{costs[step]:20.6f}")
    alone = sn.MLP([2, 16, 16, 1], output="sigmoid", seed=0)
    alone.fit(X, y, optimizer=sn.Adam(0.02), epochs=steps, batch_size=m)
    print(f"\nall processes hold the same bits: {len({params for _, params, _ in everyone}) == 1}")
    print(f"greatest difference from one process with all rows: {np.abs(net.params - alone.params).max():.1e}")


if __name__ == "__main__":
    main()
