"""
The completions of shells, made from the table of commands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from pbrealm._admin_command.command import Argument, Command


def _bash(commands: Sequence[Command], common: Sequence[Argument]) -> Iterator[str]:
    names = [command.name for command in commands]
    every = [argument for command in commands for argument in command.arguments]
    with_value = [each for each in (*every, *common) if each.is_option and each.value]
    files = {each.name for each in with_value if each.is_file}
    others = {each.name for each in with_value} - files
    yield "_pbrealm() {"
    yield "    local IFS=$' \\t\\n' command= words= i"
    yield "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}"
    yield "    COMPREPLY=()"
    # Bash takes an equals sign, and a colon, for a word of its own.
    yield "    if [[ $current == = ]]; then"
    yield "        current="
    yield "    elif [[ $previous == = ]]; then"
    yield "        previous=${COMP_WORDS[COMP_CWORD-2]}"
    yield "    else"
    yield "        words=any"
    yield "    fi"
    yield "    case $previous in"
    yield f"        {'|'.join(sorted(files))})"
    yield "            local IFS=$'\\n'"
    yield "            compopt -o filenames 2>/dev/null"
    yield '            COMPREPLY=($(compgen -f -- "$current")); return ;;'
    yield f"        {'|'.join(sorted(others))}) return ;;"
    yield "    esac"
    yield "    [[ $words ]] || return"
    yield "    for ((i = 1; i < COMP_CWORD; i++)); do"
    yield "        case ${COMP_WORDS[i]} in"
    yield f"            {'|'.join(sorted(files | others))})"
    yield "                ((i++)); [[ ${COMP_WORDS[i]} == = ]] && ((i++)) ;;"
    yield "            :) ((i++)) ;;"
    yield f"            {'|'.join(names)}) command=${{COMP_WORDS[i]}}; break ;;"
    yield "        esac"
    yield "    done"
    yield "    case $command in"
    yield f"        '') words='{' '.join([*names, *_options(common)])} --version --help' ;;"
    for command in commands:
        words = [
            *(word for each in command.arguments for word in (*each.choices, *each.proposals)),
            *_options([*command.arguments, *common]),
            "--help",
        ]
        yield f"        {command.name}) words='{' '.join(words)}' ;;"
    yield "    esac"
    yield '    COMPREPLY=($(compgen -W "$words" -- "$current"))'
    yield "    if [[ ${COMPREPLY[0]-} == *= ]]; then"
    yield "        compopt -o nospace 2>/dev/null"
    yield "    fi"
    yield "}"
    yield "complete -F _pbrealm pbrealm"


def _options(arguments: Sequence[Argument]) -> list[str]:
    return [argument.name for argument in arguments if argument.is_option]


def _zsh(commands: Sequence[Command], common: Sequence[Argument]) -> Iterator[str]:
    yield "#compdef pbrealm"
    yield "_pbrealm() {"
    yield "    local -a commands common"
    yield "    local context state state_descr line"
    yield "    typeset -A opt_args"
    yield "    commands=("
    for command in commands:
        yield f"        {_quoted(f'{command.name}:{command.summary}')}"
    yield "    )"
    yield "    common=("
    for argument in common:
        yield f"        {_zsh_argument(argument)}"
    yield "    )"
    yield "    _arguments -C $common '--version[show the version]' '--help[show the help]' \\"
    yield "        '1:command:->command' '*::argument:->argument'"
    yield "    case $state in"
    yield "        command) _describe command commands ;;"
    yield "        argument)"
    yield "            case $line[1] in"
    for command in commands:
        specs = [
            _zsh_argument(each, command.one_of) for each in command.arguments if each.is_option
        ]
        specs += [_zsh_argument(each) for each in command.arguments if not each.is_option]
        yield f"                {command.name}) _arguments $common '--help[show the help]' \\"
        yield f"                    {' '.join(specs)} ;;"
    yield "            esac ;;"
    yield "    esac"
    yield "}"
    yield "if [[ $funcstack[1] == _pbrealm ]]; then"
    yield '    _pbrealm "$@"'
    yield "else"
    yield "    compdef _pbrealm pbrealm"
    yield "fi"


def _zsh_argument(argument: Argument, one_of: Sequence[str] = ()) -> str:
    """A specification of C{_arguments}."""
    help = "".join(f"\\{each}" if each in "[]:\\" else each for each in argument.help)
    value = "" if argument.value is None else f":{argument.value}:{_zsh_action(argument)}"
    if not argument.is_option:
        return _quoted(f"{'*' if argument.repeated else ''}{value}")
    return _quoted(f"{'*' if argument.repeated else ''}{argument.name}[{help}]{value}")


def _zsh_action(argument: Argument) -> str:
    if argument.is_file:
        return "_files"
    if argument.proposals:
        return f"compadd -S '' -- {' '.join(argument.proposals)}"
    return f"({' '.join(argument.choices)})" if argument.choices else " "


def _fish(commands: Sequence[Command], common: Sequence[Argument]) -> Iterator[str]:
    names = " ".join(command.name for command in commands)
    none = _quoted(f"not __fish_seen_subcommand_from {names}")
    yield "complete -c pbrealm -f"
    for argument in common:
        yield f"complete -c pbrealm {_fish_argument(argument)}"
    yield "complete -c pbrealm -l help -d 'show the help'"
    yield f"complete -c pbrealm -n {none} -l version -d 'show the version'"
    for command in commands:
        given = _quoted(f"__fish_seen_subcommand_from {command.name}")
        yield f"complete -c pbrealm -n {none} -a {command.name} -d {_quoted(command.summary)}"
        for argument in command.arguments:
            if argument.is_option:
                yield f"complete -c pbrealm -n {given} {_fish_argument(argument)}"
            elif words := [*argument.choices, *argument.proposals]:
                yield f"complete -c pbrealm -n {given} -a {_quoted(' '.join(words))}"


def _fish_argument(argument: Argument) -> str:
    kind = "" if argument.value is None else " -r -F" if argument.is_file else " -x"
    return f"-l {argument.name.removeprefix('--')}{kind} -d {_quoted(argument.help)}"


def _quoted(text: str) -> str:
    """A text as one word of a shell."""
    return "'" + text.replace("'", "'\\''") + "'"


_MAKERS: Final[Mapping[str, Callable[[Sequence[Command], Sequence[Argument]], Iterator[str]]]] = {
    "bash": _bash,
    "fish": _fish,
    "zsh": _zsh,
}

SHELLS: Final = tuple(_MAKERS)


def script(shell: str, commands: Sequence[Command], common: Sequence[Argument]) -> str:
    """
    Make the completions.

    @param common: the options of all commands.
    @return: what the shell reads.
    """
    return "".join(f"{line}\n" for line in _MAKERS[shell](commands, common))
