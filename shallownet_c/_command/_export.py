"""`shallownet-c export`: a saved network as a file for another program."""

import argparse
import importlib
import io
from collections.abc import Callable

import numpy as np

from shallownet_c._command import _names, _output
from shallownet_c._command._input import InputError, one_line
from shallownet_c._storage import _files


def export(arguments: argparse.Namespace) -> int:
    form, path = next((form, getattr(arguments, form)) for form in WRITERS if getattr(arguments, form) is not None)
    if form != "c" and (arguments.name is not None or arguments.int8):
        raise InputError("--name and --int8 go with --c")
    _output.check(f"--{form}", path, [arguments.model, str(_names.path_beside(arguments.model))])
    saved = _names.read(arguments.model)
    try:
        written = WRITERS[form](saved, arguments)
    except (ValueError, ImportError) as error:
        raise InputError(f"--{form} {path}: {error}") from None
    _files.replace(path, [written])
    print(f"{saved.net!r}, {saved.net.n_params} parameters\nexported to {one_line(path)}")
    return 0


def _onnx(saved: _names.Saved, arguments: argparse.Namespace) -> bytes:
    model = saved.net.to_onnx()
    if saved.note is None:
        model.metadata_props.add(key=_names.PROPERTY, value=_names.as_text(saved.names))
    written: bytes = model.SerializeToString()
    return written


def _c(saved: _names.Saved, arguments: argparse.Namespace) -> bytes:
    return saved.net.to_c(name="net" if arguments.name is None else arguments.name, int8=arguments.int8).encode()


def _torch(saved: _names.Saved, arguments: argparse.Namespace) -> bytes:
    """The state of `net.to_torch()`, which PyTorch loads without running anything; prints that module."""
    module = saved.net.to_torch()
    file = io.BytesIO()
    importlib.import_module("torch").save(module.state_dict(), file)
    print(module)
    if saved.net.dtype == np.float64:
        print("its parameters are float64: a module made anew takes them after module.double()")
    return file.getvalue()


#: What makes the bytes of each form, by its option.
WRITERS: dict[str, Callable[[_names.Saved, argparse.Namespace], bytes]] = {"onnx": _onnx, "c": _c, "torch": _torch}
