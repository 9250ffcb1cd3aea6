"""zooter demo: the whole loop, its claim read from its output, and nothing left behind however it ends."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest


def is_listening(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", int(port))) == 0


def ports_of(text):
    return re.search(r"--port (\d+) --gateway-port (\d+)", text).groups()


def table(text):
    """{row: (mean, low, high, calls, dollars)} and the two verdicts."""
    rows = {m[1].strip(): tuple(map(float, m.groups()[1:])) for m in
            re.finditer(r"^(.+?)\s+([\d.]+) %\s+([\d.]+) to\s+([\d.]+)\s+(\d+)\s+([\d.]+)$", text, re.M)}
    return rows, dict(re.findall(r"^(Router[^:]*): .*: (beats it|does not beat it)\.$", text, re.M))


def test_whole_loop(run, tmp_path):
    began = time.monotonic()
    p = run("demo", "--dir", tmp_path / "d", timeout=280)
    took = time.monotonic() - began
    assert p.returncode == 0, p.stderr
    shown = re.findall(r"^\$ (zooter \w+)", p.stderr, re.M)
    assert shown == [f"zooter {x}"
                     for x in ("sim import sim collect reward select train eval export import train eval "
                               "serve").split()]
    assert len(re.findall(r"^\$ curl ", p.stderr, re.M)) >= 4
    # a handful of queries: how many are right is judged on all, below
    assert p.stderr.count("answers, right: ") >= 1
    assert "simulated" in p.stderr and "simulated" in p.stdout

    rows, verdicts = table(p.stdout)
    assert verdicts == {"Router": "beats it", "Router trained on shuffled rewards": "does not beat it"}, p.stdout
    best = next(v for k, v in rows.items() if k.startswith("best single expert"))
    oracle = next(v for k, v in rows.items() if k.startswith("oracle"))
    router, chance, shuffled = rows["router"], rows["an expert at random"], rows["router trained on shuffled rewards"]
    assert router[1] > best[2] and oracle[0] >= router[0] > best[0] > chance[0]
    assert shuffled[0] <= best[0] + 1 and oracle[3] >= 5 and router[3] == 1
    assert router[4] < best[4] < oracle[4]

    # the table is what eval wrote
    d = tmp_path / "d"
    figures = json.loads((d / "eval.json").read_text())
    means = {m["kind"]: m["over_rows"]["mean"] for m in figures["methods"] if m["kind"] != "expert"}
    assert f"{100 * means['router']:.1f}" == f"{router[0]:.1f}" and f"{100 * means['oracle']:.1f}" == f"{oracle[0]:.1f}"
    assert figures["queries"] >= 200
    # shuffling kept every reward, and moved most
    before = [json.loads(x) for x in (d / "rewards.jsonl").open()]
    after = [json.loads(x) for x in (d / "shuffled.jsonl").open()]
    assert [x["id"] for x in before] == [x["id"] for x in after] and len(before) >= 600
    assert sorted(map(str, (x["rewards"] for x in before))) == sorted(map(str, (x["rewards"] for x in after)))
    assert sum(x["rewards"] != y["rewards"] for x, y in zip(before, after)) > len(before) / 2
    assert "Sanitizer" not in (d / "sim.log").read_text() + (d / "gateway.log").read_text()
    # training and test queries share no text
    rows = [json.loads(x) for x in run("export", "--store", d / "demo.db", "--reward-model",
                                       "exact").stdout.splitlines()]
    train, test = ({r["query"] for r in rows if r.get("split") == s} for s in ("train", "test"))
    assert len(train) >= 600 and not train & test
    assert not any(is_listening(port) for port in ports_of(p.stderr))
    assert took < 240          # a loaded machine; the bar for two quiet cores is a minute


def start(zooter, *args, env=None):
    return subprocess.Popen([zooter, "demo", *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, env={**os.environ, **(env or {})})


def read_until(p, pattern):
    text = ""
    while not re.search(pattern, text):
        line = p.stderr.readline()
        assert line, text
        text += line
    return text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_on_request(zooter, tmp_path, number):
    p = start(zooter, env={"TMPDIR": str(tmp_path)})
    text = read_until(p, r"\$ zooter reward")
    ports = ports_of(text)
    assert is_listening(ports[0])
    p.send_signal(number)
    out, err = p.communicate(timeout=20)
    assert p.returncode == 1 and "stopped on request" in err and out == ""
    assert not is_listening(ports[0])
    assert list(tmp_path.iterdir()) == []


def test_killed(zooter, tmp_path):
    p = start(zooter, "--dir", tmp_path / "d")
    ports = ports_of(read_until(p, r"\$ zooter collect"))
    p.kill()
    p.wait()
    p.stdout.close()
    p.stderr.close()
    end = time.monotonic() + 10
    while is_listening(ports[0]) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_listening(ports[0])


def test_a_step_that_fails(zooter, tmp_path):
    p = start(zooter, "--without-programs", env={"TMPDIR": str(tmp_path)})
    text = read_until(p, r"\$ zooter reward")
    assert "left out: as asked" in text
    folder = pathlib.Path(re.search(r"run in (\S+)", text)[1])
    (folder / "benchmark.jsonl").write_bytes(b"{\xff")
    out, err = p.communicate(timeout=60)
    assert p.returncode == 1 and "'zooter select' failed" in err and str(folder) in err and out == ""
    assert (folder / "demo.db").exists()          # what went wrong can be looked at
    assert not any(is_listening(port) for port in ports_of(text))


def test_wrong_use(run, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x")
    p = run("demo", "--dir", tmp_path / "full")
    assert p.returncode == 2 and "not an empty folder" in p.stderr and (tmp_path / "full" / "file").exists()
    assert run("demo", "extra").returncode == 2
    p = run("demo", env={**os.environ, "TMPDIR": str(tmp_path / "none")})
    assert p.returncode == 1 and str(tmp_path / "none") in p.stderr
