"""Keyword arguments under the names of scikit-learn, PyTorch and Keras: the error names ours, and whose it is."""

import inspect
import re

import numpy as np
import pytest

import shallownet_c as sn
from shallownet_c import optimizers
from shallownet_c._checks import _other_names

X, Y = np.eye(4)[:, :3], np.arange(4.0)

FIT = {
    "learning_rate": ": give it to the optimizer, optimizer=sn.Adam(learning_rate=…)",
    "lr": ": give it to the optimizer, optimizer=sn.Adam(learning_rate=…)",
    "momentum": ": give it to the optimizer, optimizer=sn.SGD(momentum=…)",
    "weight_decay": ": give it to the optimizer, optimizer=sn.Adam(weight_decay=…)",
    "schedule": ": give it to the optimizer, optimizer=sn.Adam(schedule=…)",
    "loss": ": give it to the network, sn.MLP(…, loss=…)",
    "init": ": give it to the network, sn.MLP(…, init=…)",
    "activation": ": give it to the network, sn.MLP(…, activation=…)",
    "max_iter": ": did you mean 'epochs'?",
    "n_epochs": ": did you mean 'epochs'?",
    "epoch": ": did you mean 'epochs'?",
    "verbose": ": did you mean 'progress'?",
    "random_state": ": did you mean 'seed'?",
    "alpha": ": did you mean 'l2'?",
    "solver": ": did you mean 'optimizer'?",
    "callbacks": ": did you mean 'callback'?",
    "n_jobs": ": did you mean 'n_threads'?",
    "y": ": did you mean 'Y'?",
    "sample_weights": ": did you mean 'sample_weight' (one for each row)?",
    "class_weight": ": did you mean 'sample_weight' (one for each row)?",
    "validation_split": ": did you mean 'validation_data' (X and Y of rows that the training does not see)?",
    "early_stopping": ": did you mean 'patience' (epochs without progress after which it ends)?",
    "device": "; it takes X, Y, optimizer, epochs, batch_size, shuffle, order, sample_weight, l2, l1, dropout",
    "x" * 10**6: " 'xxx",
}
MLP = {
    **{
        name: ": did you mean 'layer_sizes' ([n_0, …, n_L], inputs and outputs, too)?"
        for name in ("hidden_layer_sizes", "input_dim", "layers", "in_features", "layer_size")
    },
    "random_state": ": did you mean 'seed'?",
    "activations": ": did you mean 'activation'?",
    "output_activation": ": did you mean 'output'?",
    "criterion": ": did you mean 'loss'?",
    "kernel_initializer": ": did you mean 'init'?",
    "solver": ": give it to fit, net.fit(…, optimizer=…)",
    "max_iter": ": give it to fit, net.fit(…, epochs=…)",
    "alpha": ": give it to fit, net.fit(…, l2=…)",
    "verbose": ": give it to fit, net.fit(…, progress=…)",
    "learning_rate_init": ": give it to the optimizer, optimizer=sn.Adam(learning_rate=…)",
    "bias": "; it takes layer_sizes, activation, output, loss, init, leak, delta, quantile, dtype, seed",
}


def refused(call, message):
    with pytest.raises(TypeError, match=re.escape(message)) as refusal:
        call()
    assert len(str(refusal.value)) < 500


@pytest.mark.parametrize(("name", "remedy"), FIT.items(), ids=lambda x: x[:30])
def test_fit(name, remedy):
    net = sn.MLP([3, 1], seed=0)
    before = net.params.copy()
    shown = name if len(name) < 100 else "xxx"
    refused(lambda: net.fit(X, Y if name != "y" else None, **{name: 0.1}), f"fit() has no argument '{shown}"[:40])
    refused(lambda: net.fit(X, Y if name != "y" else None, **{name: 0.1}), remedy)
    assert (net.params == before).all()
    assert net.history is None


def test_an_optimizers_argument_is_told_whose_it_is():
    net, of_fit = sn.MLP([3, 1], seed=0), inspect.signature(sn.MLP.fit).parameters
    for kind in optimizers.OPTIMIZERS.values():
        for name in inspect.signature(kind).parameters.keys() - of_fit.keys():
            with pytest.raises(TypeError, match=rf"^fit\(\) has no argument '{name}': give it to the") as refusal:
                net.fit(X, Y, **{name: 0.1})
            owner = re.search(rf"sn\.(\w+)\({name}=…\)$", str(refusal.value))[1]
            assert name in inspect.signature(getattr(sn, owner)).parameters
            assert owner == "Adam" or name not in inspect.signature(sn.Adam).parameters
    refused(lambda: net.fit(X, Y, rho=0.9), "optimizer=sn.RMSprop(rho=…)")


@pytest.mark.parametrize(("name", "remedy"), MLP.items(), ids=lambda x: x[:30])
def test_networks(name, remedy):
    refused(lambda: sn.MLP([3, 1], **{name: 0.1}), f"MLP() has no argument '{name}'{remedy}")


class Own(sn.MLP):
    def __init__(self, n, **options):
        super().__init__([n, 1], **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sn.Adam(lr=0.1), "Adam() has no argument 'lr': did you mean 'learning_rate'?"),
        (lambda: sn.SGD(lr=0.1), "SGD() has no argument 'lr': did you mean 'learning_rate'?"),
        (lambda: sn.SGD(alpha=0.1), "SGD() has no argument 'alpha': did you mean 'learning_rate'?"),
        (lambda: sn.RPROP(lr=0.1), "RPROP() has no argument 'lr': did you mean 'learning_rate'?"),
        (lambda: sn.RMSprop(lr=0.1), "RMSprop() has no argument 'lr': did you mean 'learning_rate'?"),
        (lambda: sn.RMSprop(alpha=0.9), "RMSprop() has no argument 'alpha': did you mean 'rho'?"),
        (lambda: sn.AdaMax(alpha=0.9), "AdaMax() has no argument 'alpha': did you mean 'learning_rate'?"),
        (lambda: sn.Adam(betas=(0.9, 0.99)), "Adam() has no argument 'betas': did you mean 'beta_1'?"),
        (lambda: sn.Adam(eps=1e-7), "Adam() has no argument 'eps': did you mean 'epsilon'?"),
        (lambda: sn.LBFGS(max_iter=9), "LBFGS() has no argument 'max_iter': give it to fit, net.fit(…, epochs=…)"),
        (lambda: sn.SGD(amsgrad=True), "SGD() has no argument 'amsgrad'; it takes learning_rate, momentum, nesterov"),
        (lambda: sn.MLP([3, 1]).partial_fit(X, Y, epochs=3), "partial_fit() has no argument 'epochs': give it to fit"),
        (
            lambda: sn.MLP([3, 1]).partial_fit(X, Y, lr=3),
            "partial_fit() has no argument 'lr': give it to the optimizer",
        ),
        (lambda: sn.resume("nowhere", X, Y, verbose=1), "resume() has no argument 'verbose': did you mean 'progress'?"),
        (lambda: sn.schedules.Cosine(T_max=9), "Cosine() has no argument 'T_max': did you mean 'epochs'?"),
        (lambda: sn.schedules.Adaptive(min_lr=9), "Adaptive() has no argument 'min_lr': did you mean 'least'?"),
        (lambda: sn.schedules.InverseScaling(power_t=9), "InverseScaling() has no argument 'power_t': did you mean"),
        (
            lambda: sn.MLP([3, 1]).score(X, Y, weights=Y),
            "score() has no argument 'weights': did you mean 'sample_weight'",
        ),
        (lambda: Own(3, random_state=0), "MLP() has no argument 'random_state': did you mean 'seed'?"),
        (lambda: sn.compare_activations(X, Y, X, Y, max_iter=9), "fit() has no argument 'max_iter'"),
    ],
)
def test_others(call, message):
    refused(call, message)


def test_a_name_of_ours_is_meant_before_one_of_others():
    assert _other_names.meant("Adagrad", ("adam", "adagrad")) == "adagrad"
    assert _other_names.meant("Adagrad", ("adam", "sgd")) == "adam"


def test_what_introspection_sees():
    fit = inspect.signature(sn.MLP.fit)
    assert [*fit.parameters][:4] == ["self", "X", "Y", "optimizer"]
    assert fit.parameters["epochs"].default == 200
    assert next(iter(inspect.signature(sn.MLP).parameters)) == "layer_sizes"
    assert [*inspect.signature(sn.SGD).parameters] == ["learning_rate", "momentum", "nesterov", "schedule"]
    for function, name in ((sn.MLP.fit, "MLP.fit"), (sn.MLP.__init__, "MLP.__init__"), (sn.resume, "resume")):
        assert function.__qualname__ == name
    assert sn.MLP.fit.__doc__.startswith("Minimise J")


def test_positions_and_names_of_their_own_still_go():
    net = sn.MLP([3, 1], "relu", "identity", loss="huber", seed=0)
    net.fit(X, Y=Y, optimizer=sn.SGD(0.1, 0.9, True), epochs=2, shuffle=False)
    assert net.history.n_epochs == 2
    for call in (lambda: sn.MLP(), lambda: net.fit(), lambda: sn.SGD(0.1, learning_rate=0.1)):
        with pytest.raises(TypeError, match=r"argument"):
            call()
