"""Libraries that only some functions need: optional extras of the package."""

import importlib
from types import ModuleType


def library(module: str, extra: str, what: str) -> ModuleType:
    """The library's module, or an ImportError that names the extra which installs it; `what` is what needs it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        name = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != name:
            raise  # the library is there, and lacks something of its own
        raise ImportError(f"{what} needs {name}: pip install 'shallownet-c[{extra}]'", name=name) from None
