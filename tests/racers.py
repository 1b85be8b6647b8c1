"""What threads and processes of test_races.py do over and over: ``python tests/racers.py save|fit PATH WHO TIMES``."""

import sys

import numpy as np

import shallownet_c as sn

X = np.arange(12.0).reshape(6, 2) / 12
Y = np.ones(6)


def save(path, who):
    net = sn.MLP([2, 40, 1], init="zeros")
    net.params[:] = who  # one number all over, so that a mixture would be seen
    net.save(path)
    return "saved"


def fit(path, who):
    try:
        sn.MLP([2, 40, 1], seed=who).fit(X, Y, epochs=5, checkpoint=path, checkpoint_every=0)
    except BlockingIOError:
        return "refused"
    return "fitted"


if __name__ == "__main__":
    action, path, who, times = sys.argv[1:]
    print(*[globals()[action](path, int(who)) for _ in range(int(times))])
