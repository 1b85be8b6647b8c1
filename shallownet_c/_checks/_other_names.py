"""Other libraries' names for what this package calls otherwise: messages ask about them, no argument takes them."""

from collections.abc import Collection

from shallownet_c.reference._activations import ACTIVATIONS, Activation
from shallownet_c.reference._losses import LOSSES, Loss

_ROWS: tuple[Activation | Loss, ...] = (*ACTIVATIONS.values(), *LOSSES.values())
#: Our names, and those of others in lower case with underscores. One of theirs may stand for several of ours.
VALUES = {
    **{row.name: f"{row.sklearn_name} {row.aliases}" for row in _ROWS},
    "glorot_uniform": "xavier xavier_uniform glorot",
    "glorot_normal": "xavier_normal",
    "he_normal": "he kaiming kaiming_normal",
    "he_uniform": "kaiming_uniform",
    "adam": "adamw adagrad adadelta",
    "lbfgs": "l_bfgs l_bfgs_b",
}

#: The same for keyword arguments: alpha is scikit-learn's l2 and the notes' learning rate.
ARGUMENTS = {
    "learning_rate": "lr learning_rate_init eta eta0 alpha step_size",
    "beta_1": "beta1 betas",
    "beta_2": "beta2",
    "epsilon": "eps",
    "nesterov": "nesterovs_momentum use_nesterov",
    "schedule": "scheduler lr_schedule lr_scheduler",
    "power": "power_t",
    "factor": "gamma decay_rate",
    "least": "min_lr eta_min",
    "X": "data inputs features",
    "Y": "target targets labels",
    "optimizer": "solver algorithm",
    "epochs": "n_epochs num_epochs nb_epoch max_iter n_iter iterations num_iterations t_max",
    "batch_size": "minibatch_size mini_batch_size",
    "sample_weight": "sample_weights weights class_weight",
    "l2": "alpha lambd reg",
    "dropout": "dropout_rate keep_prob",
    "clip_norm": "clipnorm max_norm grad_clip max_grad_norm",
    "validation_data": "validation_split validation_fraction eval_set x_val y_val",
    "patience": "early_stopping n_iter_no_change",
    "folds": "cv n_splits n_folds",
    "seed": "random_state random_seed rng",
    "n_threads": "n_jobs num_threads workers",
    "progress": "verbose print_cost disp",
    "callback": "callbacks",
    "layer_sizes": "hidden_layer_sizes hidden hidden_sizes layers layers_dims units sizes n_hidden n_inputs "
    "input_dim input_shape input_size in_features output_dim out_features",
    "activation": "activations hidden_activation",
    "output": "output_activation out_activation",
    "loss": "criterion loss_function loss_fn objective",
    "init": "initializer kernel_initializer weight_init initialization",
    "rho": "smoothing_constant discounting_factor",
    "eta_minus": "etas",
    "step_min": "step_sizes",
    "history_size": "maxcor",
    "max_fun": "maxfun max_eval",
    "gtol": "tolerance_grad pgtol",
    "ftol": "tolerance_change",
}

#: Those of one class or function, where a name stands for something else than elsewhere: PyTorch's alpha is ρ there.
ARGUMENTS_OF = {"RMSprop": {"rho": "alpha"}}


#: What is written here for the attributes that networks have in other libraries.
ATTRIBUTES = {
    "net(X)": "predict_proba forward transform apply",
    "net.classify(X)": "predict_classes predict_label",
    "net.score(X, y) or net.cost(X, y)": "evaluate",
    "net.fit(X, y, optimizer=…), and the loss is an argument of sn.MLP": "compile train train_on_batch step",
    "net.cost_and_grad(X, y)": "backward zero_grad loss_fn",
    "print(net)": "summary",
    "net.weights, net.biases and, all in one vector, net.params": "parameters named_parameters get_weights set_weights "
    "state_dict load_state_dict coefs_ intercepts_ coef_ intercept_ trainable_weights trainable_variables layers",
    "net.n_params": "count_params n_parameters",
    "net.history.cost": "loss_ loss_curve_",
    "net.save(path), and sn.load(path) reads it": "save_weights save_model load_weights dump",
}
#: What people ask the result of a fit for who take it for the network, as it is in scikit-learn.
OF_NETWORKS = frozenset((
    *("predict", "classify", "score", "evaluate", "predict_proba", "predict_classes"),
    *("save", "weights", "biases", "params", "copy", "partial_fit"),
))  # fmt: skip
#: What is written here for what other packages hold, of libraries and of the modules that people look for.
MEMBERS = {
    "from shallownet_c.sklearn import MLPClassifier": "MLPClassifier",
    "from shallownet_c.sklearn import MLPRegressor": "MLPRegressor",
    "sn.MLP([n_inputs, n_hidden, n_outputs])": "Sequential Dense Linear Model Module Network NeuralNetwork NN nn",
    "sn.load(path)": "load_model read",
    "sn.datasets.train_dev_split": "train_test_split",
    "sn.Adam, sn.SGD and so on": "optim",
    "sn.MLP(…, loss='squared_error')": "losses MSELoss CrossEntropyLoss BCELoss",
}


def instead(name: str, table: dict[str, str]) -> str:
    """The end of a message about an attribute that is not there: what is written here instead, if that is known."""
    ours = next((ours for ours, theirs in table.items() if name in theirs.split()), None)
    return "" if ours is None else f": here it is {ours}"


def meant(name: str, valid: Collection[str], *tables: dict[str, str]) -> str | None:
    """Which of the valid names is probably meant by `name`, by the first table that knows it; None if none does.

    Without tables the name is that of a value.
    """
    name = str.__str__(name)
    if len(name) > 40:  # too long to be a name, and comparing it may take long
        return None
    folded = name.casefold().replace("-", "_").replace(" ", "_")
    for names in ({one: one.casefold() for one in valid}, *(tables or (VALUES,))):
        for one in valid:
            if folded in names.get(one, "").split():
                return one
    import difflib  # only here: it takes longer to import than a network to make

    return next(iter(difflib.get_close_matches(folded, valid, 1, 0.8)), None)
