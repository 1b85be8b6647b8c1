"""`shallownet-c completion`: a script by which a shell completes the command's words."""

import argparse

BASH = """_shallownet_c() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} words=
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="{commands}"
    else
        case "${{COMP_WORDS[1]}} $before" in
{choices}
        esac
        if [ -z "$words" ] && [[ $word == -* ]]; then
            case "${{COMP_WORDS[1]}}" in
{options}
            esac
        fi
    fi
    if [ -n "$words" ]; then
        COMPREPLY=($(compgen -W "$words" -- "$word"))
    else
        COMPREPLY=($(compgen -f -- "$word"))
    fi
}}
complete -o filenames -F _shallownet_c shallownet-c
"""


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script of a shell, made from the parser."""
    commands = _commands(parser)
    if shell == "fish":
        return _fish(commands)
    bash = _bash(commands)
    return bash if shell == "bash" else f"autoload -U +X bashcompinit && bashcompinit\n{bash}"


def _commands(parser: argparse.ArgumentParser) -> dict[str, tuple[str, argparse.ArgumentParser]]:
    """The help and the parser of each command."""
    group = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    helps = {action.dest: action.help or "" for action in group._choices_actions}
    return {name: (helps.get(name, ""), one) for name, one in group.choices.items()}


def _options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in parser._actions if action.option_strings]


def _bash(commands: dict[str, tuple[str, argparse.ArgumentParser]]) -> str:
    choices, options = [], []
    for name, (_, parser) in commands.items():
        words = [word for action in _options(parser) for word in action.option_strings if word.startswith("--")]
        options.append(f'                {name}) words="{" ".join(words)}" ;;')
        for action in parser._actions:
            if action.choices is None:
                continue
            values = " ".join(map(str, action.choices))
            for word in action.option_strings or [name]:
                choices.append(f'            "{name} {word}") words="{values}" ;;')
    return BASH.format(commands=" ".join(commands), choices="\n".join(choices), options="\n".join(options))


def _fish(commands: dict[str, tuple[str, argparse.ArgumentParser]]) -> str:
    lines = []
    for name, (what, parser) in commands.items():
        lines.append(f"complete -c shallownet-c -f -n __fish_use_subcommand -a {name} -d {_quoted(what)}")
        for action in parser._actions:
            values = f" -x -a {_quoted(' '.join(map(str, action.choices)))}" if action.choices is not None else ""
            words = [word[2:] for word in action.option_strings if word.startswith("--")]
            for word in words:
                takes = "" if action.nargs == 0 or values else " -r"
                lines.append(
                    f"complete -c shallownet-c -n '__fish_seen_subcommand_from {name}' -l {word}{takes}{values} "
                    f"-d {_quoted(action.help or '')}"
                )
            if values and not words:
                lines.append(f"complete -c shallownet-c -n '__fish_seen_subcommand_from {name}'{values}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
