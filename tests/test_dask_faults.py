"""Fits on a Dask cluster whose workers, or whose scheduler, go away."""

import os
import signal

import numpy as np
import pytest

import shallownet_c as sn

distributed = pytest.importorskip("distributed", reason="distributed is not installed, as it is by the extra test-all")
da = pytest.importorskip("dask.array", reason="dask is not installed, as it is by the extra test-all")

import shallownet_c.dask  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.standard_normal((700, 4))
Y = np.sin(X).sum(axis=1)
#: Seven partitions.
ROWS = da.from_array(X, chunks=(100, 2)), da.from_array(Y, chunks=100)


def cluster_of(n_workers, processes=True):
    return distributed.LocalCluster(
        n_workers=n_workers, threads_per_worker=1, processes=processes, dashboard_address=":0", silence_logs=50
    )


def network():
    return sn.MLP([4, 6, 1], seed=1)


def kill_one(client):
    worker, pid = next(iter(client.run(os.getpid).items()))
    os.kill(pid, signal.SIGKILL)
    return worker


SOLVERS = {
    "adam": {"solver": "adam", "epochs": 12},
    "lbfgs": {"solver": "lbfgs", "epochs": 12},
    "local-sgd": {"solver": "local-sgd", "epochs": 6, "batch_size": 20, "sync_every": 5, "seed": 3, "learners": 2},
}


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_killed_worker_changes_nothing(solver):
    killed = []
    with cluster_of(2) as cluster, distributed.Client(cluster) as client:

        def kill(epoch, history, net):
            if epoch == 3:
                killed.append(kill_one(client))

        calm, net = network(), network()
        expected = sn.dask.fit(calm, *ROWS, client=client, **SOLVERS[solver])
        history = sn.dask.fit(net, *ROWS, client=client, callback=kill, **SOLVERS[solver])
    np.testing.assert_array_equal(net.params, calm.params)
    assert history.cost == expected.cost
    assert killed[0] in history.report.workers
    assert history.report.workers[killed[0]].rounds < history.report.rounds


def test_all_workers_gone():
    with cluster_of(1) as cluster, distributed.Client(cluster) as client:
        net, kept = network(), []

        def end(epoch, history, net):
            kept.append(net.params.copy())
            if epoch == 3:
                cluster.scale(0)
                cluster.sync(cluster._correct_state)

        with pytest.raises(
            sn.dask.ClusterLostError, match=r"no worker has been there for 1 s \(worker_timeout\): the network has"
        ):
            sn.dask.fit(net, *ROWS, client=client, solver="adam", epochs=12, callback=end, worker_timeout=1)
    assert net.history.stopped == "error"
    np.testing.assert_array_equal(net.params, kept[-1])
    assert net.history.n_epochs == len(kept) < 12


@pytest.mark.parametrize("solver", ["adam", "local-sgd"])
def test_a_fit_goes_on_after_the_scheduler_has_gone(solver, tmp_path):
    path, options = tmp_path / "fit", SOLVERS[solver]
    net, whole = network(), network()
    with cluster_of(1, processes=False) as cluster, distributed.Client(cluster) as client:

        def end(epoch, history, net):
            if epoch == 3:
                cluster.close()

        with pytest.raises(sn.dask.ClusterLostError, match="scheduler"):
            sn.dask.fit(
                net,
                *ROWS,
                client=client,
                callback=end,
                checkpoint=path,
                checkpoint_every=0,
                worker_timeout=1,
                **options,
            )
    assert net.history.n_epochs < options["epochs"]
    with cluster_of(2, processes=False) as cluster, distributed.Client(cluster) as client:
        expected = sn.dask.fit(whole, *ROWS, client=client, **options)
        given = {name: value for name, value in options.items() if name in ("sync_every", "learners")}
        resumed = sn.dask.resume(path, *ROWS, client=client, **given)
    np.testing.assert_array_equal(resumed.params, whole.params)
    assert resumed.history.cost == expected.cost
    assert isinstance(resumed.history, sn.dask.History)
    assert resumed.history.report.rounds < expected.report.rounds
