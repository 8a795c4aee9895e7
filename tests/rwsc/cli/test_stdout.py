import subprocess
import sys

PROGRAM = """
import sys, threading
from rwsc.cli.stdout import keep_for_data
data = keep_for_data()
print("noise of a library")
thread = threading.Thread(target=lambda: print("noise of a thread"))
thread.start(); thread.join()
data.write("result\\n")
print("late noise")
"""


def test_only_the_result_reaches_stdout():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout == "result\n"
    assert done.stderr.split("\n")[:3] == ["noise of a library", "noise of a thread", "late noise"]
