"""scikit-learn's own tests of its multi-layer perceptrons, with one import line changed."""

import importlib.util
from pathlib import Path

import pytest
import sklearn

#: The release that the estimators follow to the letter; the tests of others ask for other messages.
RELEASE = "1.9"
IMPORT = "from {} import MLPClassifier, MLPRegressor\n"
#: Tests that look at private attributes of scikit-learn's estimators, and what they look at.
PRIVATE = {
    "test_gradient": "_loss_grad_lbfgs: the loss and its gradient in Python, which the compiled kernels compute here",
    "test_learning_rate_warmstart": "_optimizer: the state of the optimizer, which the compiled loop shares here",
    "test_adaptive_learning_rate": "_optimizer: the state of the optimizer, which the compiled loop shares here",
}

if not sklearn.__version__.startswith(RELEASE + "."):
    pytest.skip(f"these are the tests of scikit-learn {RELEASE}, not {sklearn.__version__}", allow_module_level=True)
spec = None
if importlib.util.find_spec("sklearn.neural_network.tests") is not None:
    spec = importlib.util.find_spec("sklearn.neural_network.tests.test_mlp")
if spec is None:
    pytest.skip("scikit-learn is installed without its tests", allow_module_level=True)

source = Path(spec.origin).read_text(encoding="utf-8")
theirs, ours = (IMPORT.format(module) for module in ("sklearn.neural_network", "shallownet_c.sklearn"))
assert source.count(theirs) == 1
before = set(globals())
exec(compile(source.replace(theirs, ours), spec.origin, "exec"), globals())

# They expect that warnings of scikit-learn and NumPy pass.
pytestmark = pytest.mark.filterwarnings("ignore")
for name, attribute in PRIVATE.items():
    mark = pytest.mark.xfail(raises=AttributeError, strict=True, reason=f"reads {attribute}")
    globals()[name] = mark(globals()[name])


@pytest.fixture
def global_random_seed():
    """scikit-learn's conftest has it; 42 is its default."""
    return 42


def test_it_is_the_whole_suite():
    found = {name for name in set(globals()) - before if name.startswith("test_")}
    assert len(found - {"test_it_is_the_whole_suite"}) == source.count("\ndef test_")
    assert MLPClassifier.__module__.startswith("shallownet_c.")  # noqa: F821
    assert MLPRegressor.__module__.startswith("shallownet_c.")  # noqa: F821
