"""zooter collect against upstreams that behave, fail, stall and lie; and killed with -9 while it works."""
import json
import os
import resource
import signal
import sqlite3
import subprocess
import time

import pytest

from conftest import free_port
from upstream import Upstream, always, completion, fail_first


@pytest.fixture
def upstream():
    with Upstream() as up:
        yield up


@pytest.fixture
def store(run, tmp_path):
    """store(n) -> path of a store with the queries "question 0".."question n-1"."""
    def make(n, name="s.db", split=None):
        path = tmp_path / name
        rows = "".join(json.dumps({"id": f"q{i}", "query": f"question {i}", "rewards": {},
                                   **({"split": split} if split else {})}) + "\n"
                       for i in range(n))
        p = run("import", "--store", path, "-", input=rows)
        assert p.returncode == 0, p.stderr
        return path
    return make


@pytest.fixture
def config(tmp_path):
    """config([{name, base_url, ...}]) -> path of a settings file."""
    def make(experts, name="experts.yaml", extra=""):
        path = tmp_path / name
        path.write_text(extra + "experts:\n" + "".join("  - " + json.dumps(e) + "\n" for e in experts))
        return path
    return make


def responses(path):
    with sqlite3.connect(path) as db:
        return dict(((e, q), t) for e, q, t in db.execute(
            "SELECT e.name, q.text, r.text FROM answers r JOIN queries q ON q.key = r.query JOIN experts e ON e.key = "
            "r.expert"))


def lines(p):
    return {x["expert"]: x for x in map(json.loads, p.stdout.splitlines())}


def test_every_expert_answers_every_query_once(run, store, config, upstream):
    s, c = store(50), config([{"name": "a", "base_url": upstream.url},
                              {"name": "b/2", "base_url": upstream.url + "/", "model": "other"}])
    p = run("collect", "--store", s, "--config", c)
    assert p.returncode == 0, p.stderr
    assert responses(s) == {(e, f"question {i}"): f"{m} says: question {i}" for e,
                            m in (("a", "a"), ("b/2", "other")) for i in range(50)}
    assert set(upstream.asked["a"].values()) == set(upstream.asked["other"].values()) == {1}
    assert lines(p)["a"] == {"expert": "a", "answered": 50, "failed": 0, "retries": 0, "missing": 0,
                             "prompt_tokens": 350,
                             "completion_tokens": 550, "cost": 0.0}
    path, headers, body = upstream.requests[0]
    assert path == "/v1/chat/completions" and headers["content-type"] == "application/json" and \
        "authorization" not in headers
    assert body == {"model": body["model"], "messages": [{"role": "user", "content": body["messages"][0]["content"]}]}
    with sqlite3.connect(s) as db:
        assert db.execute("SELECT DISTINCT finish_reason, tokens_in, tokens_out FROM answers").fetchall() == [("stop",
                                                                                                               7, 11)]
        assert db.execute("SELECT command, status FROM runs WHERE command = 'collect'").fetchall() == [("collect",
                                                                                                        "done")]
    again = run("collect", "--store", s, "--config", c)
    assert again.returncode == 0 and len(upstream.requests) == 100


def test_settings_reach_the_request_and_keys_come_from_the_environment(run, store, config, upstream):
    s = store(2)
    c = config([{"name": "a", "base_url": upstream.url, "api_key_env": "A_KEY",
                 "price": {"input": 1000, "output": 2000}}],
               extra="listen: 127.0.0.1:1\nrouter: nowhere\ndefault_expert: a\nallow_anonymous: true\n"
               "timeouts: {connect: 1}\nlimits: {in_flight: 5}\nroute_threads: 2\nlog: info\n")
    p = run("collect", "--store", s, "--config", c, "--temperature", "0.5", "--max-tokens", "77", "--system",
            'Be "brief"', env={**os.environ, "A_KEY": "sk-secret-1"})
    assert p.returncode == 0, p.stderr
    _, headers, body = upstream.requests[0]
    assert headers["authorization"].lower() == "bearer sk-secret-1"
    assert body["temperature"] == 0.5 and body["max_tokens"] == 77 and body["messages"][0] == {"role": "system",
                                                                                               "content": 'Be "brief"'}
    assert lines(p)["a"]["cost"] == pytest.approx(2 * (7 * 1000 + 11 * 2000) * 1e-6)
    assert "$0.0580" in p.stderr
    with open(s, "rb") as f:
        assert b"sk-secret" not in f.read() and "sk-secret" not in p.stderr + p.stdout


def test_failures_that_pass_are_tried_again(run, store, config, upstream):
    upstream.on = {"f500": fail_first(500), "f408": fail_first(408), "cut": fail_first("cut"),
                   "garbage": fail_first(200, body="<html>"),
                   "empty": fail_first(200, body=json.dumps(completion(""))), "nothing": fail_first(200, body="{}"),
                   "null": fail_first(200, body=json.dumps(completion(None)))}
    names = sorted(upstream.on)
    s, c = store(4), config([{"name": n, "base_url": upstream.url} for n in names])
    p = run("collect", "--store", s, "--config", c)
    assert p.returncode == 0, p.stderr
    assert len(responses(s)) == 4 * len(names)
    for n in names:
        assert lines(p)[n]["retries"] == 4 and lines(p)[n]["failed"] == 0, n
        assert set(upstream.asked[n].values()) == {2}, n


def test_retry_after_is_honoured(run, store, config, upstream):
    upstream.on = {"a": fail_first(429, headers={"Retry-After": "2"})}
    s, c = store(1), config([{"name": "a", "base_url": upstream.url}])
    assert run("collect", "--store", s, "--config", c).returncode == 0
    (_, first), (_, second) = upstream.times
    assert 1.95 < second - first < 4


def test_failures_for_good_are_kept_and_asked_again_only_when_told(run, store, config, upstream):
    upstream.on = {"denied": always(401, '{"error": {"message": "the key is wrong"}}'),
                   "picky": lambda m, q, n: (400, {}, '{"detail": "too long"}') if q == "question 3"
                   else (200, {}, json.dumps(completion("ok")))}
    s, c = store(5), config([{"name": n, "base_url": upstream.url} for n in ("denied", "picky", "good")])
    p = run("collect", "--store", s, "--config", c)
    assert p.returncode == 1
    assert "6 answers are missing: they failed for a cause that does not pass by itself; --again failed" in p.stderr
    assert "denied: 5 questions failed, the last because: HTTP 401: the key is wrong" in p.stderr
    assert "HTTP 400: too long" in p.stderr
    assert lines(p)["denied"]["missing"] == 5 and lines(p)["picky"]["missing"] == 1 and lines(p)["good"]["missing"] == 0
    assert lines(p)["denied"]["last_failure"] == "HTTP 401: the key is wrong"
    assert set(upstream.asked["denied"].values()) == {1}
    upstream.on = {}
    p = run("collect", "--store", s, "--config", c)
    assert p.returncode == 0 and len(responses(s)) == 9 and \
        "6 of them failed for good before; --again failed" in p.stderr
    p = run("collect", "--store", s, "--config", c, "--again", "failed")
    assert p.returncode == 0 and len(responses(s)) == 15
    assert sum(upstream.asked["good"].values()) == 5


def test_an_expert_that_is_down_does_not_stall_the_others(run, store, config, upstream):
    upstream.delay["slow"] = 60
    s = store(300)
    c = config([{"name": "down", "base_url": f"http://127.0.0.1:{free_port()}/v1"},
                {"name": "slow", "base_url": upstream.url},
                {"name": "good", "base_url": upstream.url}])
    begun = time.monotonic()
    p = run("collect", "--store", s, "--config", c, "--retries", "1", "--timeout", "2")
    assert time.monotonic() - begun < 30
    assert p.returncode == 1
    assert lines(p)["good"]["answered"] == 300
    assert max(t for m, t in upstream.times if m == "good") - min(t for m, t in upstream.times) < 2
    assert "down: not asked further after 20 failures in a row" in p.stderr
    assert "slow: not asked further" in p.stderr and "within 2000 ms" in p.stderr
    assert lines(p)["down"]["missing"] == 300


def test_no_more_is_in_flight_than_was_allowed(run, store, config, upstream):
    upstream.delay = {"a": 0.02, "b": 0.02}
    s, c = store(40), config([{"name": n, "base_url": upstream.url} for n in "ab"])
    assert run("collect", "--store", s, "--config", c, "--per-expert", "3").returncode == 0
    assert upstream.most_in_flight == 6
    upstream.most_in_flight = 0
    assert run("collect", "--store", store(40, "t.db"), "--config", c, "--concurrency", "4").returncode == 0
    assert upstream.most_in_flight == 4


def test_limit_and_split_bound_the_run(run, store, config, upstream):
    s, c = store(10, split="train"), config([{"name": "a", "base_url": upstream.url}])
    assert run("collect", "--store", s, "--config", c, "--limit", "3").returncode == 0
    assert set(responses(s)) == {("a", f"question {i}") for i in range(3)}
    assert run("collect", "--store", s, "--config", c, "--limit", "3", "--split", "train").returncode == 0
    assert len(responses(s)) == 6
    p = run("collect", "--store", s, "--config", c, "--split", "trian")
    assert p.returncode == 2 and "no query is in the split 'trian'" in p.stderr


def test_odd_texts_arrive_whole(run, config, tmp_path, upstream):
    odd = ['quotes " and \\ and\nnewlines\t', "中文 русский ñ 🎉", "x" * 300000, "\u0001\u001f", " "]
    rows = "".join(json.dumps({"id": f"q{i}", "query": q, "rewards": {}}) + "\n" for i, q in enumerate(odd))
    s = tmp_path / "s.db"
    assert run("import", "--store", s, "-", input=rows).returncode == 0
    p = run("collect", "--store", s, "--config", config([{"name": "a", "base_url": upstream.url}]))
    assert p.returncode == 0, p.stderr
    assert responses(s) == {("a", q): f"a says: {q}" for q in odd}


def test_a_key_that_comes_back_is_not_shown(run, store, config, upstream):
    upstream.on["a"] = always(403, '{"error": "your key sk-secret-2 is no good"}')
    p = run("collect", "--store", store(1), "--config", config([{"name": "a", "base_url": upstream.url,
                                                                 "api_key_env": "A_KEY"}]),
            env={**os.environ, "A_KEY": "sk-secret-2"})
    assert p.returncode == 1 and "sk-secret-2" not in p.stderr + p.stdout and "repeats the key" in p.stderr


@pytest.mark.parametrize("text, words", [
    ("experts: []\n", "experts"), ("experts:\n  - {name: a}\n", "base_url"),
    ("experts:\n  - {name: a, base_url: 'http://x/v1', pace: 3}\n", "pace"),
    ("listen: 1\n", "experts"), ("experts:\n  - {name: a, base_url: 'http://x/v1', api_key_env: NOT_THERE}\n",
                                 "NOT_THERE")])
def test_bad_settings_are_refused_before_anything_is_asked(run, store, tmp_path, text, words):
    c = tmp_path / "bad.yaml"
    c.write_text(text)
    p = run("collect", "--store", store(1), "--config", c)
    assert p.returncode == 1 and words in p.stderr and "bad.yaml" in p.stderr


def test_a_missing_store_is_not_made(run, config, tmp_path):
    p = run("collect", "--store", tmp_path / "none.db", "--config",
            config([{"name": "a", "base_url": "http://127.0.0.1:1/v1"}]))
    assert p.returncode == 1 and not (tmp_path / "none.db").exists()


def start(zooter, s, c, *more):
    return subprocess.Popen([zooter, "collect", "--store", s, "--config", c, *more], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def test_an_interrupt_keeps_what_arrived_and_says_how_to_go_on(zooter, run, store, config, upstream):
    upstream.delay["a"] = 0.3
    s, c = store(100), config([{"name": "a", "base_url": upstream.url}])
    p = start(zooter, s, c, "--per-expert", "4")
    while sum(upstream.asked["a"].values()) < 10:
        time.sleep(0.01)
    p.send_signal(signal.SIGINT)
    _, err = p.communicate(timeout=20)
    asked = sum(upstream.asked["a"].values())
    assert p.returncode == 1 and "run the same command again to go on" in err
    assert len(responses(s)) == asked < 30          # what was in flight was waited for
    with sqlite3.connect(s) as db:
        assert db.execute("SELECT status FROM runs WHERE command = 'collect'").fetchall() == [("stopped",)]
    upstream.delay = {}
    assert run("collect", "--store", s, "--config", c).returncode == 0
    assert sum(upstream.asked["a"].values()) == 100


def test_a_second_interrupt_does_not_wait(zooter, store, config, upstream):
    upstream.delay["a"] = 60
    p = start(zooter, store(10), config([{"name": "a", "base_url": upstream.url}]))
    while not upstream.asked["a"]:
        time.sleep(0.01)
    p.send_signal(signal.SIGINT)
    time.sleep(0.2)
    begun = time.monotonic()
    p.send_signal(signal.SIGINT)
    p.communicate(timeout=20)
    assert p.returncode == 1 and time.monotonic() - begun < 2


def test_a_full_disk_stops_the_run_and_the_store_stays_whole(zooter, run, store, config, upstream):
    upstream.on["a"] = lambda m, q, n: (200, {}, json.dumps(completion("x" * 20000)))
    s, c = store(200), config([{"name": "a", "base_url": upstream.url}])

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    p = run("collect", "--store", s, "--config", c, preexec_fn=limit)
    assert p.returncode == 1 and str(s) in p.stderr, p.stderr
    kept = len(responses(s))
    # a turn that was not kept, and what was in flight
    assert kept < 200 and sum(upstream.asked["a"].values()) <= kept + 32
    with sqlite3.connect(s) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert run("collect", "--store", s, "--config", c).returncode == 0
    assert len(responses(s)) == 200


def test_five_kills_lose_nothing_and_ask_nothing_twice_but_what_was_in_flight(zooter, run, store, config, upstream):
    upstream.delay = {"a": 0.005, "b": 0.015}
    in_flight = 20
    s, c = store(1500), config([{"name": n, "base_url": upstream.url} for n in "ab"])
    kills = 0
    while kills < 5:
        p = start(zooter, s, c, "--concurrency", str(in_flight))
        before = sum(map(len, upstream.asked.values()))
        while p.poll() is None and sum(map(len, upstream.asked.values())) < before + 250:
            time.sleep(0.002)
        if p.poll() is not None:
            break
        p.send_signal(signal.SIGKILL)
        p.communicate()
        kills += 1
        time.sleep(0.1)
        assert len(responses(s)) >= sum(map(len, upstream.asked.values())) - kills * in_flight
    assert kills == 5
    p = run("collect", "--store", s, "--config", c, "--concurrency", in_flight)
    assert p.returncode == 0, p.stderr
    assert responses(s) == {(e, f"question {i}"): f"{e} says: question {i}" for e in "ab" for i in range(1500)}
    asked = sum(sum(counts.values()) for counts in upstream.asked.values())
    assert 3000 <= asked <= 3000 + 5 * in_flight
    with sqlite3.connect(s) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_one_that_slept_through_its_lease_asks_no_more_of_what_it_had_claimed(zooter, run, store, config, upstream):
    upstream.delay = {"a": 0.05}
    s, c = store(300), config([{"name": "a", "base_url": upstream.url}])
    slow = start(zooter, s, c, "--per-expert", "2")
    while sum(upstream.asked["a"].values()) < 10:
        time.sleep(0.01)
    slow.send_signal(signal.SIGSTOP)
    with sqlite3.connect(s, timeout=60) as db:
        db.execute("UPDATE owners SET until = 0 WHERE process = ?", (slow.pid,))
    upstream.delay = {}
    assert run("collect", "--store", s, "--config", c).returncode == 0
    slow.send_signal(signal.SIGCONT)
    _, err = slow.communicate(timeout=60)
    assert slow.returncode == 0, err
    assert len(responses(s)) == 300 and sum(upstream.asked["a"].values()) <= 304
