"""What the compiled base of MLP refuses by itself: its paths pass no check that is written in Python."""

import numpy as np
import pytest

import shallownet_c as sn

DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])


@DTYPES
@pytest.mark.parametrize("sizes", [[3, 2], [3, 4, 2], [2, 2]], ids=str)
def test_one_row_into_the_parameters(sizes, dtype):
    net = sn.MLP(sizes, seed=0, dtype=dtype)
    before = net.params.copy()
    x = np.ones(sizes[0], dtype)
    outs = [net.biases[-1], net.params[:2], net.params[-2:], net.weights[0].ravel()[:2], net.weights[-1][0, :2]]
    outs.append(np.frombuffer(net.params.data, dtype)[1:3])
    for out in outs:
        for predict in (net, net.predict):
            with pytest.raises(ValueError, match="out must not share memory"):
                predict(x, out=out)
        np.testing.assert_array_equal(net.params, before)
    # Next to them, and over its own input, it may be written.
    memory = np.zeros(6, dtype)
    row = memory[1 : 1 + sizes[0]]
    for at in range(4):
        row[:] = x
        np.testing.assert_array_equal(net(row, out=memory[at : at + 2]), net(x))


@DTYPES
def test_one_row_of_the_parameters(dtype):
    net = sn.MLP([3, 2], seed=0, dtype=dtype)
    np.testing.assert_array_equal(net(net.weights[0][1]), net(net.weights[0][1].copy()))


@DTYPES
def test_one_masked_row(dtype):
    net = sn.MLP([3, 2], seed=0, dtype=dtype)
    row = np.ma.array(np.ones(3, dtype), mask=[False, True, False])
    for predict in (net, net.predict):
        with pytest.raises(ValueError, match=r"X .*masked"):
            predict(row)
        with pytest.raises(ValueError, match=r"out .*masked"):
            predict(np.ones(3, dtype), out=np.ma.masked_all(2, dtype))
    result = net(np.ma.array(np.ones(3, dtype)))
    np.testing.assert_array_equal(result, net(np.ones(3, dtype)))


class Own(sn.MLP):
    """A network with an attribute of its own."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.note = "made"


@pytest.mark.parametrize("kind", [sn.MLP, Own])
@pytest.mark.parametrize("arguments", [([3, 4, 2],), ([5, 1],), ([300, 400, 200],), (None,)], ids=str)
def test_a_network_is_made_once(kind, arguments):
    net = kind([3, 4, 2], output="softmax", seed=0)
    net.fit(np.eye(3), [0, 1, 1], epochs=2)
    x = np.ones(3)
    params, history, before, expected = net.params, net.history, net.params.copy(), net(x)
    rng = np.random.default_rng(0)
    state = rng.bit_generator.state
    with pytest.raises(TypeError):
        net.__init__(*arguments, seed=rng)
    assert rng.bit_generator.state == state
    assert np.shares_memory(net.params, params)
    assert (net.layer_sizes, net.activations, net.loss) == ((3, 4, 2), ("tanh", "softmax"), "log_loss")
    assert net.history is history
    np.testing.assert_array_equal(net.params, before)
    np.testing.assert_array_equal(net(x), expected)
    np.testing.assert_array_equal(net.weights[0].ravel(), before[:12])
