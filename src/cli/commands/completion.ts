/** `ipft completion SHELL`: a script that completes the words of the option table. */
import { loadExampleNames } from '../../fields/c/examples.js';
import {
  COMMANDS,
  type CommandEntry,
  type Completion,
  GROUPS,
  type OptionEntry,
  type SHELLS,
  splitFlags,
} from '../option-table.js';

/** The names that `-e` takes besides files. */
const EXAMPLES = loadExampleNames().join(' ');
/** The directories whose entries have the names of devices, and of namespaces. */
const DEVICES = '/sys/class/net';
const NAMESPACES = '/run/netns';
const shown = (options: readonly OptionEntry[]) => options.filter(({ hidden }) => !hidden);
const MAIN_OPTIONS = GROUPS.flatMap(({ options }) => shown(options));
/** With the options of the main command that they take. */
const SUBCOMMANDS: readonly CommandEntry[] = (COMMANDS as readonly CommandEntry[]).map((command) => ({
  ...command,
  options: [...command.options, ...MAIN_OPTIONS.filter((option) => isTaken(option, command))],
}));

function isTaken(option: OptionEntry, { options, takes = [] }: CommandEntry): boolean {
  const { long } = splitFlags(option);
  return takes.includes(long) && !options.some((own) => splitFlags(own).long === long);
}

/** The script, for the shell to source. */
export function formatCompletion(shell: (typeof SHELLS)[number]): string {
  return { bash: formatBash, zsh: formatZsh, fish: formatFish }[shell]();
}

const names = (option: OptionEntry) => {
  const { short, long } = splitFlags(option);
  return short === undefined ? [long] : [short, long];
};
const takesValue = (option: OptionEntry) => splitFlags(option).value !== undefined;

/** Each option that takes a value, once. */
function optionsWithValue(): OptionEntry[] {
  const all = [...MAIN_OPTIONS, ...SUBCOMMANDS.flatMap(({ options }) => shown(options))].filter(takesValue);
  const known = new Set<string>();
  return all.filter(({ flags }) => !known.has(flags) && known.add(flags));
}

const BASH_VALUES: Record<Completion, string> = {
  file: '_ipft_files "$cur"',
  extension: '_ipft_extensions "$cur"',
  function: '_ipft_names functions "$cur"',
  module: '_ipft_names modules "$cur"',
  device: `_ipft_entries ${DEVICES} "$cur"`,
  netns: `_ipft_entries ${NAMESPACES} "$cur"`,
};

function bashValues({ values, completes }: Pick<OptionEntry, 'values' | 'completes'>): string {
  if (values) return `_ipft_words "$cur" ${values.join(' ')}`;
  return completes ? BASH_VALUES[completes] : ':';
}

function formatBash(): string {
  const withValue = optionsWithValue();
  const values = withValue.map((option) => `    ${names(option).join('|')}) ${bashValues(option)}; return ;;`);
  const operands = SUBCOMMANDS.map((command) => `    ${command.name}) ${bashValues(command)} ;;`);
  const options = SUBCOMMANDS.map(
    (command) => `    ${command.name}) _ipft_words "$cur" ${shown(command.options).flatMap(names).join(' ')} ;;`,
  );
  const commands = SUBCOMMANDS.map(({ name }) => name);
  return `# Completion of ipft's words in bash, made by: ipft completion bash
_ipft_words() {
  local cur=$1
  shift
  mapfile -t COMPREPLY < <(compgen -W "$*" -- "$cur")
}

_ipft_files() {
  mapfile -t COMPREPLY < <(compgen -f \${2:+-X "$2"} -- "$1"; [[ -n \${2-} ]] && compgen -d -- "$1")
  compopt -o filenames 2>/dev/null
}

_ipft_entries() {
  mapfile -t COMPREPLY < <(cd -- "$1" 2>/dev/null && compgen -f -- "$2")
}

_ipft_extensions() {
  local -a names
  mapfile -t names < <(compgen -W '${EXAMPLES}' -- "$1")
  mapfile -t -O \${#names[@]} names < <(compgen -f -X '!*.lua' -- "$1"; compgen -f -X '!*.ts' -- "$1"; compgen -f -X '!*.*js' -- "$1")
  _ipft_files "$1" '!*.[co]'
  COMPREPLY+=("\${names[@]}")
}

_ipft_names() {
  # An opening quote is the shell's, not the name's.
  mapfile -t COMPREPLY < <("\${COMP_WORDS[0]/#\\~/$HOME}" completion "--$1=\${2#[\\'\\"]}" 2>/dev/null)
}

# What stands behind --, with the shell's own completion of commands where it has one.
_ipft_program() {
  if declare -F _command_offset >/dev/null; then
    _command_offset "$1"
  elif ((COMP_CWORD == $1)); then
    mapfile -t COMPREPLY < <(compgen -c -- "\${COMP_WORDS[COMP_CWORD]}")
  else
    _ipft_files "\${COMP_WORDS[COMP_CWORD]}"
  fi
}

_ipft() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command= skip= word at
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    [[ \${COMP_WORDS[at]} == -- ]] || continue
    _ipft_program $((at + 1))
    return
  done
  # --output=json is three words to bash.
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]]; then
    prev=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  case $prev in
${values.join('\n')}
  esac
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [[ -n $skip ]]; then
      skip=
      continue
    fi
    case $word in
    ${withValue.flatMap(names).join('|')}) skip=yes ;;
    ${commands.join('|')}) command=$word; break ;;
    esac
  done
  if [[ $cur == -* ]]; then
    case $command in
${options.join('\n')}
    *) _ipft_words "$cur" ${MAIN_OPTIONS.flatMap(names).join(' ')} ;;
    esac
    return
  fi
  case $command in
${operands.join('\n')}
    *) _ipft_words "$cur" ${commands.join(' ')} ;;
  esac
}

complete -F _ipft ipft
`;
}

const ZSH_VALUES: Record<Completion, string> = {
  file: '_files',
  extension: '_ipft_extensions',
  function: '_ipft_functions',
  module: '_ipft_modules',
  device: `_path_files -W ${DEVICES}`,
  netns: `_path_files -W ${NAMESPACES}`,
};

function zshValues({ values, completes }: Pick<OptionEntry, 'values' | 'completes'>): string {
  if (values) return `(${values.join(' ')})`;
  return completes ? ZSH_VALUES[completes] : '';
}

/** Escaped for single quotes, within which _arguments gives brackets and colons a meaning. */
const zshText = (text: string) => quoted(text.replace(/[[\]:\\]/g, '\\$&'));
/** Escaped for single quotes. */
const quoted = (text: string) => text.replaceAll("'", "'\\''");

/** `'(-m --mark)'{-m+,--mark=}'[summary]:N:'` */
function zshOption(option: OptionEntry): string {
  const { short, long, value } = splitFlags(option);
  const exclusion = option.repeats ? '*' : short === undefined ? '' : `(${short} ${long})`;
  const [behindShort, behindLong] = value === undefined ? ['', ''] : ['+', '='];
  const forms = short === undefined ? `${long}${behindLong}` : `{${short}${behindShort},${long}${behindLong}}`;
  const takes = value === undefined ? '' : `:${zshText(value.replace(/[<>[\].]/g, ''))}:${quoted(zshValues(option))}`;
  const text = `'[${zshText(option.summary)}]${takes}'`;
  return short === undefined ? `'${exclusion}${long}${behindLong}${text.slice(1)}` : `'${exclusion}'${forms}${text}`;
}

function formatZsh(): string {
  const list = (options: readonly OptionEntry[], indent: string) =>
    shown(options).map((option) => `${indent}${zshOption(option)} \\`);
  const commands = SUBCOMMANDS.map(({ name, summary }) => `    '${name}:${quoted(summary)}'`);
  const cases = SUBCOMMANDS.map((command) => {
    const operand =
      command.operands === ''
        ? "'*: :'"
        : `'*:${zshText(command.operands.replace(/[^A-Z]/g, ''))}:${quoted(zshValues(command))}'`;
    return `    ${command.name})\n      _arguments -s \\\n${list(command.options, '        ').join('\n')}\n        ${operand}\n      ;;`;
  });
  return `#compdef ipft
# Completion of ipft's words in zsh, made by: ipft completion zsh
_ipft_functions() {
  local -a names
  names=(\${(f)"$(\${~words[1]} completion --functions=\${(Q)PREFIX} 2>/dev/null)"})
  compadd -- $names
}

_ipft_modules() {
  local -a names
  names=(\${(f)"$(\${~words[1]} completion --modules=\${(Q)PREFIX} 2>/dev/null)"})
  compadd -- $names
}

_ipft_extensions() {
  _alternative 'files:file:_files -g "*.([co]|lua|ts|js|mjs)(-.)"' 'examples:example:(${EXAMPLES})'
}

_ipft_commands() {
  local -a commands
  commands=(
${commands.join('\n')}
  )
  _describe command commands
}

_ipft() {
  # What stands behind -- is a command line of its own.
  local at=\${words[(i)--]}
  if ((at < CURRENT)); then
    shift $at words
    ((CURRENT -= at))
    _normal
    return
  fi
  local curcontext=$curcontext state line
  local -A opt_args
  _arguments -C -s \\
${list(MAIN_OPTIONS, '    ').join('\n')}
    '1: :_ipft_commands' \\
    '*:: :->operands' && return
  [[ $state == operands ]] || return
  case $words[1] in
${cases.join('\n')}
  esac
}

if [[ $funcstack[1] == _ipft ]]; then
  _ipft "$@"
else
  compdef _ipft ipft
fi
`;
}

const FISH_VALUES: Record<Completion, string> = {
  file: '-r -F',
  extension: `-r -F -a '${EXAMPLES}'`,
  function: '-x -a "(__ipft_names functions)"',
  module: '-x -a "(__ipft_names modules)"',
  device: `-x -a "(command ls ${DEVICES} 2>/dev/null)"`,
  netns: `-x -a "(command ls ${NAMESPACES} 2>/dev/null)"`,
};

function fishValues({ values, completes }: Pick<OptionEntry, 'values' | 'completes'>): string {
  if (values) return `-x -a '${values.join(' ')}'`;
  return completes ? FISH_VALUES[completes] : '-x';
}

function formatFish(): string {
  const text = (summary: string) => `'${summary.replace(/['\\]/g, '\\$&')}'`;
  const all = SUBCOMMANDS.map(({ name }) => name).join(' ');
  const option = (condition: string, one: OptionEntry) => {
    const { short, long } = splitFlags(one);
    const letter = short === undefined ? '' : ` -s ${short.slice(1)}`;
    const takes = takesValue(one) ? ` ${fishValues(one)}` : '';
    return `complete -c ipft -n '${condition}'${letter} -l ${long.slice(2)}${takes} -d ${text(one.summary)}`;
  };
  const commands = SUBCOMMANDS.flatMap((command) => {
    const seen = `__fish_seen_subcommand_from ${command.name}`;
    const operand = command.operands === '' ? [] : [`complete -c ipft -n '${seen}' ${fishValues(command)}`];
    return [
      `complete -c ipft -n __fish_use_subcommand -a ${command.name} -d ${text(command.summary)}`,
      ...operand.map((line) => line.replace(' -x -a', ' -f -a').replace(' -r -F', ' -F')),
      ...shown(command.options).map((one) => option(seen, one)),
    ];
  });
  return `# Completion of ipft's words in fish, made by: ipft completion fish
function __ipft_names
    set -l typed (commandline -ct | string replace -r '^--?[a-z-]+=' '' | string trim -l -c '"\\'')
    ipft completion "--$argv[1]=$typed" 2>/dev/null
end

complete -c ipft -f
${MAIN_OPTIONS.map((one) => option(`not __fish_seen_subcommand_from ${all}`, one)).join('\n')}
${commands.join('\n')}
`;
}
