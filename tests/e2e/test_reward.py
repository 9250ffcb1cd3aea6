"""zooter reward: exact graders over a store, and reward models behind HTTP in vLLM's shapes."""
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest

from upstream import Upstream, always, fail_first

ROWS = [
    {"id": "c", "query": "Which?", "grader": "choice", "reference": "B", "rewards": {},
     "responses": {"good": "The answer is (B).", "bad": "A. the first"}},
    {"id": "n", "query": "6*7?", "grader": "number", "reference": 42, "rewards": {},
     "responses": {"good": "It is 42.", "bad": "43"}},
    {"id": "s", "query": "Reverse lamp", "grader": "string", "reference": "pmal", "rewards": {},
     "responses": {"good": "The answer is \"pmal\".", "bad": "lamp"}},
    {"id": "p", "query": "Write add", "grader": "program", "reference": "assert add(2, 3) == 5\n", "rewards": {},
     "responses": {"good": "```python\ndef add(a, b):\n    return a + b\n```", "bad": "def add(a, b): return a"}},
    {"id": "x", "query": "Tell a joke", "rewards": {}, "responses": {"good": "ha", "bad": "B"}},
]


@pytest.fixture
def upstream():
    with Upstream() as up:
        yield up


@pytest.fixture
def store(run, tmp_path):
    def make(rows=ROWS):
        path = tmp_path / "s.db"
        p = run("import", "--store", path, "-", input="".join(json.dumps(r) + "\n" for r in rows))
        assert p.returncode == 0, p.stderr
        return path
    return make


def plain(n):
    return [{"id": f"q{i}", "query": f"question {i}", "rewards": {},
             "responses": {"a": f"answer {i}", "b": f"other {i}"}} for i in range(n)]


def rewards(path, model="exact"):
    with sqlite3.connect(path) as db:
        return {(q, e): v for q, e, v in db.execute(
            "SELECT q.id, e.name, w.value FROM rewards w JOIN queries q ON q.key = w.query JOIN experts e ON e.key = "
            "w.expert"
            " JOIN reward_models m ON m.key = w.reward_model WHERE m.name = ?", (model,))}


def lines(p):
    return {x["expert"]: x for x in map(json.loads, p.stdout.splitlines())}


def has_sandbox(p):
    return "outside a sandbox" not in p.stderr


def test_each_row_is_graded_as_it_says(run, store):
    s = store()
    p = run("reward", "--store", s)
    assert p.returncode == 0, p.stderr
    kinds = "cnsp" if has_sandbox(p) else "cns"
    assert rewards(s) == {(k, e): float(e == "good") for k in kinds for e in ("good", "bad")}
    assert lines(p)["good"] == {"reward_model": "exact", "expert": "good", "rewarded": len(kinds), "mean": 1.0}
    assert lines(p)["bad"]["mean"] == 0.0
    assert "2 answers left out: their rows name no grader or have no reference" in p.stderr
    again = run("reward", "--store", s)
    assert again.returncode == 0 and again.stdout == ""
    with sqlite3.connect(s) as db:
        assert db.execute("SELECT status FROM runs WHERE command = 'reward'").fetchall() == [("done",), ("done",)]


def test_programs_are_graded_where_bubblewrap_works(run, store):
    """So that a sandbox we broke ourselves does not pass for a machine that has none."""
    plain_bwrap = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "/usr/bin/true"]
    if not shutil.which("bwrap") or subprocess.run(plain_bwrap, capture_output=True).returncode:
        pytest.skip("no sandbox here: bubblewrap does not work")
    s = store([ROWS[3]])
    p = run("reward", "--store", s)
    assert p.returncode == 0 and rewards(s) == {("p", "good"): 1.0, ("p", "bad"): 0.0}, p.stderr


def test_a_program_is_not_run_where_there_is_no_sandbox(zooter, store, tmp_path):
    """bwrap is hidden behind an empty file by a mount of our own; generated code must then stay what it is: text."""
    mark = tmp_path / "ran"
    row = {"id": "p", "query": "q", "grader": "program", "reference": "pass", "rewards": {},
           "responses": {"a": f"open({str(mark)!r}, 'w')"}}
    s = store([row, ROWS[0]])
    hide = "for b in /usr/bin/bwrap /usr/local/bin/bwrap /bin/bwrap; do " \
           "[ ! -e $b ] || mount --bind /dev/null $b || exit 77; done; "
    p = subprocess.run(["unshare", "-rm", "sh", "-c", hide + f"exec {zooter} reward --store {s}"], capture_output=True,
                       text=True)
    if p.returncode == 77 or "unshare" in p.stderr:
        pytest.skip("no sandbox here: no user namespaces to hide bwrap in")
    assert p.returncode == 0, p.stderr
    assert "1 answers left out: they are programs, and nothing runs outside a sandbox: " \
           "bubblewrap is not installed" in p.stderr
    assert set(rewards(s)) == {("c", "good"), ("c", "bad")} and not mark.exists()


def test_a_grader_can_be_forced_and_models_stand_side_by_side(run, store):
    s = store()
    # 42 is no string
    assert run("reward", "--store", s, "--grader", "string", "--name", "literal").returncode == 1
    p = run("reward", "--store", s, "--grader", "choice", "--name", "letters")
    assert p.returncode == 1 and "n: 'reference' of a choice should be one letter" in p.stderr
    assert rewards(s, "letters") == {("c", "good"): 1.0, ("c", "bad"): 0.0}
    assert rewards(s, "literal")[("s", "good")] == 1.0 and rewards(s) == {}


@pytest.mark.parametrize("args", [["--grader", "magic"], ["--endpoint", "http://x"], ["--api", "score"],
                                  ["--name", "a b"],
                                  ["--endpoint", "x", "--api", "score", "--model", "m", "--name", "n"],
                                  ["--split", "nope"],
                                  ["--endpoint", "http://x", "--api", "rank", "--model", "m", "--name", "n"]])
def test_wrong_use(run, store, args):
    p = run("reward", "--store", store(), *args)
    assert p.returncode in (1, 2) and p.stderr and rewards(store()) == {}


def endpoint(up, api, *more):
    return ["--endpoint", up.url, "--api", api, "--model", "rm", "--name", "rm", *more]


def test_score(run, store, upstream):
    s = store(plain(30))
    upstream.on["rm"] = lambda model, raw, n: (
        200, {}, json.dumps({"data": [{"index": 0, "score": len(json.loads(raw)["text_2"]) / 10}]}))
    p = run("reward", "--store", s, *endpoint(upstream, "score"))
    assert p.returncode == 0, p.stderr
    assert rewards(s, "rm") == {(f"q{i}", e): len(f"{w} {i}") / 10 for i in range(30) for e,
                                w in (("a", "answer"), ("b", "other"))}
    path, headers, body = upstream.requests[0]
    assert path == "/v1/score" and set(body) == {"model", "text_1", "text_2"} and body["text_1"].startswith("question ")
    assert lines(p)["a"]["rewarded"] == 30


def test_classify_and_its_template(run, store, upstream):
    s = store(plain(1))
    upstream.on["rm"] = always(200, '{"data": [{"index": 0, "label": "x", "probs": [0.25, 0.75], "num_classes": 2}]}')
    p = run("reward", "--store", s, *endpoint(upstream, "classify"), "--retries", "0")
    assert p.returncode == 1 and "holds 2 numbers; say with --class" in p.stderr and rewards(s, "rm") == {}
    p = run("reward", "--store", s, *endpoint(upstream, "classify"), "--class", "2", "--template",
            "<q>{query}</q><a>{answer}</a>{}")
    assert p.returncode == 0, p.stderr
    assert set(rewards(s, "rm").values()) == {0.75}
    assert {r[2]["input"] for r in upstream.requests} >= {"question 0\n\nanswer 0",
                                                          "<q>question 0</q><a>answer 0</a>{}"}


@pytest.mark.parametrize("data, want", [("[-3.5]", -3.5), ("[[0.1], [0.2], [1.5]]", 1.5), ("2", 2.0)])
def test_pooling(run, store, upstream, data, want):
    s = store(plain(1))
    upstream.on["rm"] = always(200, f'{{"data": [{{"index": 0, "object": "pooling", "data": {data}}}]}}')
    p = run("reward", "--store", s, *endpoint(upstream, "pooling"))
    assert p.returncode == 0, p.stderr
    assert set(rewards(s, "rm").values()) == {want}
    assert upstream.requests[0][0] == "/v1/pooling"
    assert upstream.requests[0][2]["messages"][1]["role"] == "assistant"


@pytest.mark.parametrize("body", ['{"data": []}', '{"data": [{"score": null}]}', '{"data": [{"score": NaN}]}',
                                  '{"data": [{"score": "1"}]}', '{"data": [{"score": 1e999}]}', "not json", "",
                                  '{"data": [{"score": []}]}'])
def test_scores_that_are_none_are_errors(run, store, upstream, body):
    s = store(plain(1))
    upstream.on["rm"] = always(200, body)
    p = run("reward", "--store", s, *endpoint(upstream, "score"), "--retries", "0")
    assert p.returncode == 1 and "2 answers have no reward" in p.stderr and rewards(s, "rm") == {}


def test_failures_that_pass_are_tried_again_and_keys_are_sent(run, store, upstream):
    s = store(plain(3))
    upstream.on["rm"] = lambda m, q, n: (503, {}, "busy") if n == 1 else (200, {}, '{"data": [{"score": 1}]}')
    p = run("reward", "--store", s, *endpoint(upstream, "score", "--api-key-env", "RM_KEY"),
            env={**os.environ, "RM_KEY": "k1"})
    assert p.returncode == 0, p.stderr
    assert len(rewards(s, "rm")) == 6 and upstream.requests[0][1]["authorization"].lower() == "bearer k1"
    p = run("reward", "--store", s, *endpoint(upstream, "score", "--api-key-env", "NOT_THERE"))
    assert p.returncode == 2 and "NOT_THERE" in p.stderr


def test_a_kill_loses_nothing_and_scores_nothing_twice_but_what_was_in_flight(zooter, run, store, upstream):
    s = store(plain(400))
    upstream.delay["rm"] = 0.01
    upstream.on["rm"] = always(200, '{"data": [{"score": 0.5}]}')
    args = ["reward", "--store", s, *endpoint(upstream, "score", "--concurrency", "8")]
    p = subprocess.Popen([zooter, *args], stderr=subprocess.DEVNULL)
    while len(upstream.asked["rm"]) < 200:
        time.sleep(0.005)
    p.send_signal(signal.SIGKILL)
    p.wait()
    assert len(rewards(s, "rm")) >= len(upstream.asked["rm"]) - 8
    assert run(*args).returncode == 0
    assert len(rewards(s, "rm")) == 800 and sum(upstream.asked["rm"].values()) <= 808
