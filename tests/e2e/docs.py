"""docs.py PAGE.md: the page's commands as a bash script on standard output.

Of the fenced blocks `sh` is run, in order; `sh not run: REASON` is not; `LANGUAGE file=NAME` is what
that file holds from there on (its first text also before, for commands that stand above it). Any
other block that holds a command is an error: it would be promised and never tried.
"""
import re
import shlex
import sys

COMMAND = re.compile(r"(\$ )?(build/runner|runner|make|sbatch|bash|python3?|pip|npm|tools/\w+\.sh)\s")

page = open(sys.argv[1], encoding="utf-8").read()
blocks = re.findall(r"^```([^\n]*)\n(.*?)^```$", page, re.S | re.M)


def written(name, text):
    return f"cat >{shlex.quote(name)} <<'END_OF_FILE'\n{text}END_OF_FILE\n"


script, seen, wrong = [], set(), []
for info, text in blocks:
    name = re.fullmatch(r"\w+ file=(\S+)", info)
    if name and name[1] not in seen:
        seen.add(name[1])
        script.append(written(name[1], text))
for info, text in blocks:
    if info == "sh":
        script.append("set -x\n" + text + "{ set +x; } 2>/dev/null\n")
    elif re.fullmatch(r"sh not run: \S.*", info):
        continue
    elif name := re.fullmatch(r"\w+ file=(\S+)", info):
        script.append(written(name[1], text))
    else:
        wrong += [line for line in text.splitlines() if COMMAND.match(line)]
for line in wrong:
    print(f"{sys.argv[1]}: neither run nor marked 'sh not run: REASON': {line}", file=sys.stderr)
sys.stdout.write("".join(script))
sys.exit(1 if wrong else 0)
