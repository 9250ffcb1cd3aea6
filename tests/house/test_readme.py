"""The README's commands, run as they stand there, in a folder of their own; only the ports are others."""
import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys

import pytest

from conftest import ROOT, clean_env

README = (ROOT / "README.md").read_text()
EXPERTS = ("qwen-7b", "coder-7b", "cloud-large")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


def marked(name):
    return re.search(rf"<!-- test: {name} -->\n```\w+\n(.*?)^```", README, re.M | re.S)[1]


def free_port():
    while True:
        port = random.randrange(15000, 32000)          # outgoing connections take theirs from above
        with socket.socket() as s:
            with contextlib.suppress(OSError):
                s.bind(("127.0.0.1", port))
                return port


class Folder:
    """A folder with `zooter` on the PATH; run() gives a script to bash and waits for the servers that it starts."""

    def __init__(self, path):
        self.path = path
        self.sim, self.gateway = free_port(), free_port()
        (path / "bin").mkdir()
        (path / "bin/zooter").symlink_to(os.environ.get("ZOOTER", ROOT / "build/zooter"))

    def here(self, text):
        return text.replace("8001", str(self.sim)).replace("8080", str(self.gateway))

    def run(self, script, python=None):
        lines = ["set -euo pipefail",
                 "up() { until (exec 3<>/dev/tcp/127.0.0.1/$1) 2>/dev/null; do jobs %% >/dev/null; sleep 0.05; done; }"]
        for line in self.here(script).splitlines():
            lines.append(line)
            code = line.split("#")[0].strip()
            if code.endswith("&"):
                lines.append(f"up {self.sim if ' sim ' in code else self.gateway}")
            if "--write-sample" in code:
                lines.append(f"sed -i 's/:8001/:{self.sim}/; s/:8080/:{self.gateway}/' sample/experts.yaml")
        if python:
            (self.path / "client.py").write_text(python)
            lines.append(f"'{sys.executable}' client.py")
        env = clean_env(PATH=f"{self.path}/bin:{os.environ['PATH']}", HOME=str(self.path))
        p = subprocess.Popen(["bash", "-c", "\n".join(lines)], cwd=self.path, env=env, stdin=subprocess.DEVNULL,
                             text=True, stdout=open(self.path / "out", "w"), stderr=open(self.path / "err", "w"),
                             start_new_session=True)
        try:
            status = p.wait(300)
        finally:
            try:
                os.killpg(p.pid, signal.SIGTERM)          # the servers
            except ProcessLookupError:
                pass
        out, err = (self.path / "out").read_text(), (self.path / "err").read_text()
        assert status == 0, out + err
        return out


@pytest.fixture(scope="module")
def own_data(tmp_path_factory):
    """A folder with train.jsonl and test.jsonl of a user whose second expert is the one for code, and their experts,
    simulated."""
    folder = Folder(tmp_path_factory.mktemp("own"))
    rng = random.Random(1)
    for name, n in (("train", 300), ("test", 100)):
        with open(folder.path / f"{name}.jsonl", "w") as f:
            for i in range(n):
                a, b, kind = rng.randint(2, 99), rng.randint(2, 99), rng.randrange(3)
                query = (f"Was ist {a} mal {b}?", f"Write a Python function that adds {a} to its argument.",
                         f"Tell me a story about {a} owls.")[kind]
                rewards = {e: round((0.9 if j == kind else 0.3) + 0.1 * rng.random(), 3) for j, e in enumerate(EXPERTS)}
                f.write(json.dumps({"id": f"{name}-{i}", "query": query,
                                    "tags": [f"task:{('sums', 'code', 'prose')[kind]}"], "rewards": rewards}) + "\n")
    return folder


def test_the_first_lines_are_the_two_commands():
    for command in ("script/demo", "script/test"):
        assert command in "\n".join(README.splitlines()[:5])
        assert os.access(ROOT / command, os.X_OK)


def test_the_row_is_a_row(run_zooter, tmp_path):
    p = run_zooter("import", "--store", tmp_path / "s.db", "-", input=blocks("json")[0])
    assert p.returncode == 0, p.stderr


@pytest.fixture
def run_zooter():
    def run(*args, input):
        return subprocess.run([os.environ.get("ZOOTER", ROOT / "build/zooter"), *args], input=input,
                              capture_output=True, text=True)
    return run


def test_from_rewards_to_a_gateway(own_data):
    out = own_data.run(marked("rewards"))
    assert "qwen-7b" in out and "coder-7b" in out
    decisions = [json.loads(line) for line in (own_data.path / "decisions.jsonl").read_text().splitlines()]
    rows = [json.loads(line) for line in (own_data.path / "test.jsonl").read_text().splitlines()]
    right = [d["expert"] == max(r["rewards"], key=r["rewards"].get) for d, r in zip(decisions, rows, strict=True)]
    assert sum(right) >= 95

    (own_data.path / "serve.yaml").write_text(own_data.here(blocks("yaml")[0]))
    (own_data.path / "sim.yaml").write_text("experts:\n" + "".join(f"  - name: {e}\n" for e in EXPERTS))
    out = own_data.run("zooter sim --config sim.yaml --port 8001 &\n" + marked("serve"),
                       own_data.here(blocks("python")[0]))
    checked, decision, asked = out.splitlines()[:3]
    assert checked.startswith("serve.yaml: ok") and json.loads(decision)["expert"] == "qwen-7b" and \
        asked.startswith("qwen-7b ")


def test_the_program(own_data, tmp_path, call):
    own_data.run("[ -d my-router ] || { " + marked("rewards") + " }")
    (tmp_path / "program.c").write_text(marked("c"))
    prefix = tmp_path / "prefix"
    assert call("make", "install", f"PREFIX={prefix}").returncode == 0
    env = clean_env(PKG_CONFIG_PATH=f"{prefix}/lib/pkgconfig", LD_LIBRARY_PATH=f"{prefix}/lib")
    p = call("sh", "-c", "cc -std=c17 -Wall -Wextra -Werror program.c $(pkg-config --cflags --libs zooter) -o program",
             cwd=tmp_path, env=env)
    assert p.returncode == 0, p.stdout
    p = call(tmp_path / "program", "Was ist 3 mal 4?", cwd=own_data.path, env=env)
    assert p.returncode == 0 and p.stdout.startswith("qwen-7b "), p.stdout


def test_from_queries_alone(tmp_path):
    folder = Folder(tmp_path)
    out = folder.run(marked("queries"))
    assert "sim-coder" in out and "oracle" in out
