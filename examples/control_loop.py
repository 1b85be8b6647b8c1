"""A control loop at a fixed rate: how long a step of a network takes, and how late it is.

python examples/control_loop.py [--quick]

A network learns to hold a pendulum upright from a controller that is known, and then takes its place, a thousand times
a second. Needs nothing but NumPy and shallownet_c. With --quick the loop runs for a second.
"""

import argparse
import gc
import math
import time

import numpy as np

import shallownet_c as sn

RATE = 1000  # steps a second
LIMIT = 3.0  # the strongest torque of the motor


def expert(state: np.ndarray) -> np.ndarray:
    """The torque for angles from the top and speeds, (…, 2): what is to be learnt."""
    return np.clip(-8.0 * state[..., 0] - 3.0 * state[..., 1], -LIMIT, LIMIT)


def moved(angle: float, speed: float, torque: float) -> tuple[float, float]:
    """The pendulum after a step: θ″ = sin θ + torque."""
    speed += (math.sin(angle) + torque) / RATE
    return angle + speed / RATE, speed


def learn(epochs: int) -> sn.MLP:
    """A network 2-16-1 that imitates the expert. Outputs beyond the limit are cut off in the loop."""
    rng = np.random.default_rng(0)
    states = rng.uniform(-1, 1, (5000, 2))
    net = sn.MLP([2, 16, 1], "relu", dtype="float32", seed=0)
    history = net.fit(states, expert(states), optimizer=sn.Adam(0.01), epochs=epochs, batch_size=100, seed=0)
    error = np.abs(net(states)[:, 0] - expert(states)).mean()
    print(f"learnt in {history.seconds:.2f} s; the torque is off by {error:.3f} in the mean, of {LIMIT:.0f} at most")
    return net


def run(net: sn.MLP, seconds: float) -> None:
    """The loop: wait for the next step's time, predict, move. Nothing is allocated for the prediction."""
    predictor = net.predictor()
    x, y = np.empty(2, np.float32), np.empty(1, np.float32)
    n, period = round(seconds * RATE), 1_000_000_000 // RATE
    late, took = np.zeros(n, np.int64), np.zeros(n, np.int64)
    angle, speed = 0.3, 0.0
    clock = time.perf_counter_ns

    gc.collect()
    gc.disable()  # the collector would stop the loop at times of its own choosing
    try:
        due = clock() + period
        for step in range(n):
            # The system wakes a sleeper some tenths of a millisecond late, so the loop sleeps through most of the time
            # and looks at the clock for the rest. After a step that was late the next ones follow without a pause.
            time.sleep(max(0.0, (due - clock() - 200_000) * 1e-9))
            while clock() < due:
                pass
            began = clock()
            x[0], x[1] = angle, speed
            predictor(x, out=y)
            torque = min(max(float(y[0]), -LIMIT), LIMIT)
            took[step], late[step] = clock() - began, began - due
            angle, speed = moved(angle, speed, torque)
            due += period
    finally:
        gc.enable()

    print(f"\n{n} steps, one each {period / 1e6:g} ms; the pendulum is {abs(angle):.4f} rad from the top")
    shares = [50, 90, 99, 99.9, 100]
    print(f"{'':28}" + "".join(f"{'longest' if share == 100 else f'{share:g} %':>10}" for share in shares))
    for name, ns in (("a step, µs", took), ("late by, µs", late)):
        print(f"{name:28}" + "".join(f"{value / 1000:10.2f}" for value in np.percentile(ns, shares)))
    gap = np.diff(late) / 1000
    print(f"{'jitter of the period, µs':28}{gap.std():10.2f}  (standard deviation)")


def call_alone(net: sn.MLP) -> None:
    """The prediction by itself, over and over, which keeps it in the caches; the sleep between two steps does not."""
    predictor, n = net.predictor(), 100_000
    x, y = np.zeros(2, np.float32), np.empty(1, np.float32)
    for name, call in (
        ("net(x)", lambda: net(x)),
        ("predictor(x)", lambda: predictor(x)),
        ("predictor(x, out=y)", lambda: predictor(x, out=y)),
    ):
        times = []
        for _ in range(5):
            began = time.perf_counter()
            for _ in range(n // 5):
                call()
            times.append((time.perf_counter() - began) / (n // 5))
        print(f"{name:28}{min(times) * 1e6:10.3f} µs, the call of a lambda included")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a short loop")
    quick = parser.parse_args().quick
    net = learn(epochs=50 if quick else 200)
    run(net, seconds=1 if quick else 10)
    print()
    call_alone(net)


if __name__ == "__main__":
    main()
