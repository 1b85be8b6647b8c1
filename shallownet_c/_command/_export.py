"""`shallownet-c export`: a saved network as a file for another program."""

import argparse
import importlib
import io
import json
from collections.abc import Callable

import numpy as np

from shallownet_c._command import _output, _record, _report
from shallownet_c._command._input import InputError, brief, one_line
from shallownet_c._storage import _files


def export(arguments: argparse.Namespace) -> int:
    form, path = next((form, getattr(arguments, form)) for form in WRITERS if getattr(arguments, form) is not None)
    if form != "c" and (arguments.name is not None or arguments.int8):
        raise InputError("--name and --int8 go with --c")
    _output.check(f"--{form}", path, [arguments.model])
    saved = _record.read(arguments.model)
    said: list[str] = []
    try:
        written = WRITERS[form](saved, arguments, said)
    except (ValueError, ImportError) as error:
        raise InputError(f"--{form} {path}: {error}") from None
    _files.replace(path, [written])
    record = saved.record
    if arguments.json:
        _report.as_json({
            "model": arguments.model, "form": form, "path": path, "inputs": record.feature_names(),
            "classes": record.classes, "notes": said,
        })  # fmt: skip
        return 0
    if arguments.quiet:
        return 0
    for text in said:
        print(text)
    print(f"{saved.net!r}, {saved.net.n_params} parameters\nexported to {one_line(path)}")
    if any(one.kind != "number" for one in record.inputs):
        _report.say(f"it takes numbers alone, in this order: {', '.join(map(brief, record.feature_names()))}")
        _report.say("an input such as 'a=b' is 1 where column a holds b, and 0 elsewhere; true is 1, false is 0")
    if form != "onnx" and saved.note is None and record.classes is not None:
        _report.say(f"it gives the probabilities of these, in this order: {', '.join(map(brief, record.classes))}")
    return 0


def _onnx(saved: _record.Saved, arguments: argparse.Namespace, said: list[str]) -> bytes:
    model = saved.net.to_onnx()
    if saved.note is None:
        model.metadata_props.add(key=_record.NAMES, value=json.dumps(saved.record.names()))
        model.metadata_props.add(key=_record.PROPERTY, value=json.dumps(saved.record.as_json()))
    written: bytes = model.SerializeToString()
    return written


def _c(saved: _record.Saved, arguments: argparse.Namespace, said: list[str]) -> bytes:
    return saved.net.to_c(name="net" if arguments.name is None else arguments.name, int8=arguments.int8).encode()


def _torch(saved: _record.Saved, arguments: argparse.Namespace, said: list[str]) -> bytes:
    """The state of `net.to_torch()`, which PyTorch loads without running anything; what it belongs to is said."""
    module = saved.net.to_torch()
    file = io.BytesIO()
    importlib.import_module("torch").save(module.state_dict(), file)
    said.append(str(module))
    if saved.net.dtype == np.float64:
        said.append("its parameters are float64: a module made anew takes them after module.double()")
    return file.getvalue()


#: What makes the bytes of each form, by its option.
WRITERS: dict[str, Callable[[_record.Saved, argparse.Namespace, list[str]], bytes]] = {
    "onnx": _onnx,
    "c": _c,
    "torch": _torch,
}
