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
