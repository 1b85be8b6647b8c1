"""The command `shallownet-c`: what it takes, and the one place that prints its errors."""

import argparse
import os
import subprocess
import sys
from typing import NoReturn

from shallownet_c import __version__
from shallownet_c._benchmarks import PARTS
from shallownet_c._command import _options, _types
from shallownet_c._command._input import InputError, one_line

# Older versions have these names here.
from shallownet_c._kernels import HIDDEN as HIDDEN
from shallownet_c._kernels import available as available


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit status: 0, 1 if a bench disagrees, 2 for bad input, 130 after Ctrl-C."""
    try:
        arguments = _parser().parse_args(argv)
        status: int = arguments.run(arguments)
        return status
    except BrokenPipeError:
        # The reader of the output has seen enough, as in `shallownet-c predict … | head`. Python flushes stdout once
        # more as it ends, which would fail again.
        if sys.__stdout__ is not None and sys.stdout is sys.__stdout__:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except UnicodeEncodeError as error:
        message = f"the output's encoding, {error.encoding}, lacks a character"
    except MemoryError as error:
        message = f"too little memory: {error}"
    except InputError as error:
        message = str(error)
    except OSError as error:
        message = str(error)
        if isinstance(error.filename, (str, bytes)) and error.strerror is not None:
            message = f"{os.fsdecode(error.filename)}: {error.strerror.lower()}"
    except KeyboardInterrupt:
        print("shallownet-c: interrupted", file=sys.stderr)
        return 130
    print(f"shallownet-c: error: {one_line(message)}", file=sys.stderr)
    return 2


class _Parser(argparse.ArgumentParser):
    """Reports what is wrong in one line, as other errors are reported, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        if message.startswith(("unrecognized", "the following")):
            message += f"; {self.prog} --help lists what there is"
        raise InputError(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="shallownet-c",
        description="Small neural networks on a CPU.",
        epilog="shallownet-c COMMAND --help explains a command, with examples.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    bench = _options.add(
        commands, "bench", "compare loop, NumPy and compiled training on the same network",
        """shallownet-c bench --quick
        shallownet-c bench --peers --json peers.json
        shallownet-c bench --peers --only higgs,sparse
        shallownet-c bench --peers --plot speed-up.png
        shallownet-c bench --peers --only growth --plot growth.png""",
    )  # fmt: skip
    bench.add_argument("--json", type=_types.path, metavar="FILE", help="write the figures there too")
    length = bench.add_mutually_exclusive_group()
    length.add_argument("--quick", action="store_true", help="a few seconds instead of half a minute")
    length.add_argument(
        "--peers", action="store_true", help="other libraries instead, those that are installed: some ten minutes"
    )
    bench.add_argument(
        "--threads", type=_types.threads, default=1, metavar="N", help="with --peers: for all of them; 0 is all CPUs"
    )
    bench.add_argument(
        "--plot",
        type=_types.path,
        metavar="FILE",
        help="with --peers: draw how many times as long peers take by width and batch size, and measure nothing else; "
        "with --only growth, time against rows, width, depth, batch size and features",
    )
    bench.add_argument(
        "--only",
        type=_types.names(list(PARTS)),
        metavar="PARTS",
        help=f"with --peers: some of {', '.join(PARTS)}, separated by commas: steps of training, the network of "
        "OpenNN's HIGGS comparison, cost_and_grad, predictions, layers, sparse rows, one thread beside several, growth",
    )
    bench.set_defaults(run=_bench)

    _options.add_tables(commands)

    play = _options.add(
        commands, "play", "open a page in the browser where a small network is trained as you change it",
        """shallownet-c play
        shallownet-c play --port 0 --no-browser""",
    )  # fmt: skip
    play.add_argument(
        "--port", type=_types.port, default=8765, metavar="N", help="8765 if not given; 0 is any that is free"
    )
    play.add_argument(
        "--no-browser", dest="browser", action="store_false", help="print the page's address without opening it"
    )
    play.set_defaults(run=_play)

    info = _options.add(
        commands, "info", "say what is installed, or what a model's file holds",
        """shallownet-c info
        shallownet-c info model.safetensors""",
    )  # fmt: skip
    info.add_argument("model", type=_types.path, nargs="?", help="a file that train wrote, or an ONNX file")
    _options.add_json(info)
    info.set_defaults(run=_info)

    completion = _options.add(
        commands, "completion", "print a script by which a shell completes this command's words",
        """source <(shallownet-c completion bash)
        shallownet-c completion fish > ~/.config/fish/completions/shallownet-c.fish""",
    )  # fmt: skip
    completion.add_argument("shell", choices=["bash", "zsh", "fish"])
    completion.set_defaults(run=_completion)
    return parser


def _bench(arguments: argparse.Namespace) -> int:
    from shallownet_c._command import _output

    if arguments.json:
        _output.check("--json", arguments.json, streams=True)
    if arguments.plot:
        _output.check("--plot", arguments.plot)
    if not arguments.peers and (arguments.plot or arguments.only or arguments.threads != 1):
        raise InputError("--threads, --plot and --only go with --peers")
    if arguments.plot and arguments.only not in (None, ["growth"]):
        raise InputError("--plot goes with --only growth, or without --only")
    n_threads = arguments.threads or os.cpu_count()
    threads = {f"{library}_NUM_THREADS": str(n_threads) for library in ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM")}
    if not threads.items() <= os.environ.items():
        # A BLAS reads these once, when NumPy is imported, and that has happened: only a new process obeys. -P: it must
        # find the installed package even in the folder of the package's source.
        command = [sys.executable, "-P", "-m", "shallownet_c", "bench"]
        command += ["--quick"] if arguments.quick else ["--peers"] if arguments.peers else []
        command += ["--json", arguments.json] if arguments.json else []
        command += ["--plot", arguments.plot] if arguments.plot else []
        command += ["--only", ",".join(arguments.only)] if arguments.only else []
        command += ["--threads", str(arguments.threads)]
        return subprocess.run(command, env=os.environ | threads, check=False).returncode

    if arguments.peers:
        from shallownet_c._benchmarks import _peers

        return _peers.run(arguments.json, arguments.threads, arguments.plot, arguments.only)

    from shallownet_c._benchmarks import _bench as bench  # the reference and the data are needed here alone

    return bench.run(arguments.quick, arguments.json)


def _play(arguments: argparse.Namespace) -> int:
    from shallownet_c._play import _server  # asyncio and json are needed here alone

    return _server.play(arguments)


def _info(arguments: argparse.Namespace) -> int:
    from shallownet_c._command import _info

    return _info.info(arguments)


def _completion(arguments: argparse.Namespace) -> int:
    from shallownet_c._command import _completion

    print(_completion.script(_parser(), arguments.shell), end="")
    return 0
