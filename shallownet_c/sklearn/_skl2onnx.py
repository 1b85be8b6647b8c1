"""Converters for skl2onnx, so that pipelines with the estimators become ONNX models."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from shallownet_c._checks import _extras, _validation
from shallownet_c.sklearn import _onnx
from shallownet_c.sklearn._base import BaseMLP
from shallownet_c.sklearn._estimators import MLPClassifier, MLPRegressor

#: The values of the options of a classifier's conversion.
OPTIONS = {
    "zipmap": [True, False, "columns"],
    "nocl": [True, False],
    "raw_scores": [True, False],
    "output_class_labels": [False, True],
}


def register_skl2onnx(*classes: type[BaseMLP]) -> None:
    """Let skl2onnx convert `MLPClassifier` and `MLPRegressor`, alone and in pipelines.

    Importing `shallownet_c.sklearn` does so where skl2onnx has been imported before; otherwise call it once. To call it
    again changes nothing.

    Parameters
    ----------
    *classes : type
        Classes derived from them that skl2onnx is to convert, too. What they override of predict and predict_proba is
        not converted.

    Raises
    ------
    TypeError
        If one of `classes` is no such class.
    ImportError
        Without skl2onnx.

    Notes
    -----
    The options of a classifier are "zipmap", "nocl" and "output_class_labels", as those of scikit-learn's own, and
    "raw_scores": Z[L] in the place of probabilities, where the classifier itself is the model or the end of a pipeline.
    The graph computes in float64 where its inputs are float64, otherwise in float32, whatever the estimator has been
    fitted in.

    Examples
    --------
    >>> import skl2onnx  # doctest: +SKIP
    >>> from shallownet_c.sklearn import MLPClassifier, register_skl2onnx
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_iris(return_X_y=True)
    >>> pipeline = make_pipeline(StandardScaler(), MLPClassifier((16,), max_iter=2000, random_state=0)).fit(X, y)
    >>> register_skl2onnx()  # doctest: +SKIP
    >>> options = {"mlpclassifier__zipmap": False}
    >>> model = skl2onnx.to_onnx(pipeline, X[:1], options=options)  # doctest: +SKIP
    >>> [output.name for output in model.graph.output]  # doctest: +SKIP
    ['label', 'probabilities']
    """
    for kind in classes:
        if not (isinstance(kind, type) and issubclass(kind, (MLPClassifier, MLPRegressor))):
            raise TypeError(
                f"classes must be derived from MLPClassifier or MLPRegressor of shallownet_c.sklearn, "
                f"got {_validation.shown(kind)}"
            )
    skl2onnx = _extras.library("skl2onnx", "skl2onnx", "register_skl2onnx")
    known: tuple[type[BaseMLP], ...] = (MLPClassifier, MLPRegressor, *classes)
    for kind in known:
        if issubclass(kind, MLPClassifier):
            how = "ShallownetMLPClassifier", _shape_labels, _convert
            skl2onnx.update_registered_converter(kind, *how, options=OPTIONS)
        else:
            how = "ShallownetMLPRegressor", _shape_predictions, _convert
            skl2onnx.update_registered_converter(kind, *how)


def register_if_imported() -> None:
    """`register_skl2onnx` where skl2onnx has been imported."""
    if sys.modules.get("skl2onnx") is not None:
        register_skl2onnx()


def _shape_labels(operator: Any) -> None:
    """Types and shapes of the outputs of a classifier: as of scikit-learn's own, but for several labels at a time."""
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes

    calculate_linear_classifier_output_shapes(operator)
    net = _onnx.network(operator.raw_operator)
    if _onnx.is_multilabel(net):
        operator.outputs[0].type.shape = [operator.inputs[0].get_first_dimension(), net.layer_sizes[-1]]


def _shape_predictions(operator: Any) -> None:
    """Types and shapes of the outputs of a regressor: as of scikit-learn's own, but for several at a time."""
    from skl2onnx.common.shape_calculator import calculate_linear_regressor_output_shapes

    calculate_linear_regressor_output_shapes(operator)
    operator.outputs[0].type.shape = [
        operator.inputs[0].get_first_dimension(),
        _onnx.network(operator.raw_operator).layer_sizes[-1],
    ]


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes and initialisers of one estimator to skl2onnx's container."""
    from onnx import TensorProto, helper
    from skl2onnx.common._apply_operation import apply_cast
    from skl2onnx.common.data_types import DoubleTensorType

    estimator, given = operator.raw_operator, operator.inputs[0]
    dtype = np.dtype(np.float64 if isinstance(given.type, DoubleTensorType) else np.float32)
    x = scope.get_unique_variable_name("x")
    apply_cast(scope, given.full_name, x, container, to=helper.np_dtype_to_tensor_dtype(dtype))
    options: dict[str, bool] = {}
    if is_classifier(estimator):
        asked = container.get_options(estimator, {"raw_scores": False, "nocl": False})
        # The converters of ensembles and of CalibratedClassifierCV set raw_scores for every classifier that has the
        # option, as if it had a decision_function. The variables that they declare for its outputs have other names.
        final = operator.outputs[1].raw_name == _onnx.PROBABILITIES
        options = {"raw_scores": asked["raw_scores"] and final, "numbers": asked["nocl"]}
    net = _onnx.network(estimator, dtype)
    nodes, tensors, outputs = _onnx.graph(estimator, net, "x", container.target_opset_onnx, **options)
    names = {"x": x} | {own.name: out.full_name for own, out in zip(outputs, operator.outputs, strict=True)}
    for tensor in tensors:
        names[tensor.name] = scope.get_unique_variable_name(tensor.name)
        # skl2onnx copies no strings from a tensor.
        content = list(tensor.string_data) if tensor.data_type == TensorProto.STRING else tensor
        container.add_initializer(names[tensor.name], tensor.data_type, list(tensor.dims), content)
    for node in nodes:
        for name in node.output:
            if name not in names:
                names[name] = scope.get_unique_variable_name(name)
        container.add_node(
            node.op_type,
            [names[name] for name in node.input],
            [names[name] for name in node.output],
            name=scope.get_unique_operator_name(node.op_type),
            **{attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute},
        )
