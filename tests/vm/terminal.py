"""terminal.py STEPS COMMAND…: runs a command in a terminal of its own, as a person at a keyboard does.

STEPS is a list in JSON of [text, keys]: when the text has been shown since the last step, the keys are typed. Prints what was
shown, and ends with the command's status, or 128 and the signal's number. It is killed where a text does not come.
"""
import json
import os
import pty
import select
import signal
import sys

PATIENCE = 240

steps = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
shown, seen = b"", 0
while True:
    while steps and steps[0][0].encode() in shown[seen:]:
        text, keys = steps.pop(0)
        seen = shown.index(text.encode(), seen) + len(text)
        os.write(terminal, keys.encode())
    if not select.select([terminal], [], [], PATIENCE)[0]:
        os.killpg(pid, signal.SIGKILL)
        print(f"this did not come: {steps}", file=sys.stderr)
        break
    try:
        data = os.read(terminal, 4096)
    except OSError:
        break
    if not data:
        break
    shown += data
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(shown)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
