"""A physics-informed network: its slope is made to fit the differential equation of the pendulum, without any data.

python examples/physics_informed.py [--quick]

The state s = (angle, speed) follows s′ = F(s) = (speed, −sin angle). The network N gives s(t) = s₀ + t N(t), which has
the right start whatever N is, and learns to make the residual r = s′ − F(s) = N + t N′ − F(s₀ + t N) small at 121 t.

The gradient of ½ Σ r² by the parameters takes two steps, both with public methods:

- N′ in the loss is a difference, (N(t + h) − N(t − h)) / 2h, so that the loss depends on outputs of the network alone.
  With h = 10⁻⁴ in float64 that is right to some 8 digits; `net.jacobian`, which is exact, checks the result.
- The gradient by the parameters of any function of the outputs A is that of the squared error with the targets A − G,
  where G is the function's derivative by A, since the squared error's own derivative is A − (A − G) = G.
  `accumulate_grad` computes it.

The package has no gradient by the parameters of exact derivatives by the inputs. Needs SciPy, and takes some seconds;
on a busy machine set OMP_NUM_THREADS=1, since the steps are too short to be shared. With --quick there are few of them,
and the solution is rough.
"""

import argparse
import itertools
import time

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import OptimizeResult, minimize

import shallownet_c as sn

START = np.array([1.0, 0.0])
H = 1e-4


def field(s: np.ndarray) -> np.ndarray:
    """F(s) for states (m, 2)."""
    return np.column_stack([s[:, 1], -np.sin(s[:, 0])])


def times_jacobian(s: np.ndarray, r: np.ndarray) -> np.ndarray:
    """rᵀ ∂F/∂s for each row: (m, 2)."""
    return np.column_stack([-np.cos(s[:, 0]) * r[:, 1], r[:, 0]])


def loss_and_gradient(net: sn.MLP, t: np.ndarray) -> tuple[float, np.ndarray]:
    """½ Σ r² over the times t (m, 1), and its gradient by the parameters (P,)."""
    m = len(t)
    rows = np.concatenate([t, t + H, t - H])
    outputs = net(rows)
    N, slope = outputs[:m], (outputs[m : 2 * m] - outputs[2 * m :]) / (2 * H)
    s = START + t * N
    r = N + t * slope - field(s)
    through_slope = t * r / (2 * H)
    G = np.concatenate([r - t * times_jacobian(s, r), through_slope, -through_slope])
    gradient = np.zeros(net.n_params)
    net.accumulate_grad(rows, outputs - G, gradient)
    return 0.5 * float((r**2).sum()), gradient


def exact_residual(net: sn.MLP, t: np.ndarray) -> np.ndarray:
    """r with the network's own derivative in the place of the difference."""
    N = net(t)
    return N + t * net.jacobian(t)[:, :, 0] - field(START + t * N)


def integrated(t: np.ndarray) -> np.ndarray:
    """The solution at increasing t, (m, 2), by SciPy's integration with small steps."""
    times = t[:, 0]
    found = solve_ivp(lambda _, s: field(s[np.newaxis])[0], (0, times[-1]), START, t_eval=times, rtol=1e-10, atol=1e-12)
    return found.y.T


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="few steps")
    quick = parser.parse_args().quick

    net = sn.MLP([1, 32, 2], "tanh", seed=0)
    net.weights[0][:] *= 2  # steeper units, which suit a curve with several bends
    t = np.linspace(0, 6, 121)[:, np.newaxis]

    _, gradient = loss_and_gradient(net, t)
    direction = np.random.default_rng(0).standard_normal(net.n_params)
    moved = [net.copy(), net.copy()]
    for other, sign in zip(moved, (1, -1), strict=True):
        other.params[:] += sign * 1e-6 * direction
    difference = (loss_and_gradient(moved[0], t)[0] - loss_and_gradient(moved[1], t)[0]) / 2e-6
    print(f"the gradient along a random direction: {gradient @ direction:.6f}, by a difference {difference:.6f}\n")

    def at(params: np.ndarray) -> tuple[float, np.ndarray]:
        net.params[:] = params
        return loss_and_gradient(net, t)

    steps = itertools.count(1)

    def report(intermediate_result: OptimizeResult) -> None:
        step = next(steps)
        if step in (100, 300, 1000, 4000):
            print(f"after {step:4} steps of BFGS ½ Σ r² = {intermediate_result.fun:.1e}")

    began = time.perf_counter()
    options = {"maxiter": 300 if quick else 4000, "gtol": 1e-12}
    net.params[:] = minimize(at, net.params.copy(), jac=True, method="BFGS", callback=report, options=options).x
    print(f"{time.perf_counter() - began:.1f} s\n")

    points = np.arange(0.0, 6.5)[:, np.newaxis]
    solution, truth = START + points * net(points), integrated(points)
    print(f"{'t':>4}{'angle':>10}{'integrated':>12}{'speed':>10}{'integrated':>12}")
    for row in np.column_stack([points, solution[:, 0], truth[:, 0], solution[:, 1], truth[:, 1]]):
        print("{:4.0f}{:10.5f}{:12.5f}{:10.5f}{:12.5f}".format(*row))
    between = (t[1:] + t[:-1]) / 2
    print(
        f"\ngreatest error {np.abs(solution - truth).max():.1e}; greatest residual between the times of the training, "
        f"by net.jacobian, {np.abs(exact_residual(net, between)).max():.1e}"
    )


if __name__ == "__main__":
    main()
