"""What the field calls the things that this package has one name for: what messages ask about, never accepted."""

from collections.abc import Collection

#: Our names, and those of others in lower case with underscores. One of theirs may stand for several of ours.
VALUES = {
    "identity": "linear none purelin",
    "sigmoid": "logistic expit",
    "leaky_relu": "lrelu leakyrelu",
    "exp": "exponential",
    "squared_error": "mse l2 l2_loss mean_squared_error mseloss squared squared_loss",
    "absolute_error": "mae l1 l1_loss mean_absolute_error l1loss absolute",
    "huber": "smooth_l1 smooth_l1_loss huber_loss",
    "pinball": "quantile quantile_loss",
    "poisson": "poisson_nll poissonnllloss",
    "log_loss": "cross_entropy crossentropy crossentropyloss ce nll nll_loss bce bceloss bce_with_logits logistic "
    "binary_cross_entropy binary_crossentropy categorical_crossentropy sparse_categorical_crossentropy",
    "glorot_uniform": "xavier xavier_uniform glorot",
    "glorot_normal": "xavier_normal",
    "he_normal": "he kaiming kaiming_normal",
    "he_uniform": "kaiming_uniform",
    "adam": "adamw",
    "lbfgs": "l_bfgs l_bfgs_b",
}


def meant(name: str, valid: Collection[str], others: dict[str, str] = VALUES) -> str | None:
    """Which of the valid names somebody means who says `name`, if that can be told."""
    if len(name) > 40:  # none that anybody means, and comparing it may take long
        return None
    folded = str.__str__(name).casefold().replace("-", "_").replace(" ", "_")
    for one in valid:
        if one.casefold() == folded or folded in others.get(one, "").split():
            return one
    import difflib  # only here: it takes longer to import than a network to make

    return next(iter(difflib.get_close_matches(folded, valid, 1, 0.8)), None)
