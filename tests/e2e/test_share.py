"""Several collects and rewards at one store: work is claimed, dead and late owners lose their claims,
and what is stored of answers and
of asks that failed. Each on a file and on PostgreSQL where the back end has a part in it."""
import datetime
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from conftest import free_port
from upstream import Upstream, always, completion

KILLS = pathlib.Path(__file__).resolve().parents[2] / "bench" / "kills"


class File:
    """A store as a file: its name for --store, and SQL on it."""
    def __init__(self, path):
        self.name = str(path)

    def sql(self, text):
        with sqlite3.connect(self.name, timeout=30) as db:
            return "\n".join("|".join(map(str, row)) for row in db.execute(text))


class Database:
    def __init__(self, server):
        self.name, self.server = server.database(), server

    def sql(self, text):
        return self.server.sql(self.name, text)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request, tmp_path):
    return File(tmp_path / "s.db") if request.param == "sqlite" else Database(request.getfixturevalue("postgres"))


@pytest.fixture
def file(tmp_path):
    return File(tmp_path / "s.db")


@pytest.fixture
def upstream():
    with Upstream() as up:
        yield up


@pytest.fixture
def fill(run):
    """fill(place, rows) imports them; a number: so many plain questions."""
    def make(place, rows):
        if isinstance(rows, int):
            rows = [{"id": f"q{i}", "query": f"question {i}", "rewards": {}} for i in range(rows)]
        p = run("import", "--store", place.name, "-", input="".join(json.dumps(r) + "\n" for r in rows))
        assert p.returncode == 0, p.stderr
    return make


@pytest.fixture
def config(tmp_path):
    def make(*experts):
        path = tmp_path / "experts.yaml"
        path.write_text("experts:\n" + "".join("  - " + json.dumps(e) + "\n" for e in experts))
        return path
    return make


@pytest.fixture
def start(zooter):
    """start(...) -> a running zooter; those still running are killed after the test."""
    running = []

    def begin(*args):
        p = subprocess.Popen([zooter, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        running.append(p)
        return p
    yield begin
    for p in running:
        if p.poll() is None:
            p.kill()
        p.communicate()


@pytest.fixture
def answers(run):
    """answers(place) -> {(id, expert): the line of export --what answers}."""
    def read(place):
        p = run("export", "--store", place.name, "--what", "answers")
        assert p.returncode == 0, p.stderr
        lines = list(map(json.loads, p.stdout.splitlines()))
        found = {(x["id"], x["expert"]): x for x in lines}
        assert len(found) == len(lines)
        return found
    return read


def end(p, timeout=180):
    """Lines of its report by expert, exit status, stderr."""
    out, err = p.communicate(timeout=timeout)
    assert "Sanitizer" not in err, err
    return {x["expert"]: x for x in map(json.loads, out.splitlines())}, p.returncode, err


def until(what, seconds=120):
    limit = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < limit
        time.sleep(0.005)


def when(iso):
    return datetime.datetime.fromisoformat(iso).timestamp()


def total(up):
    return sum(sum(counts.values()) for counts in up.asked.values())


# ---- sharing ----

@pytest.mark.parametrize("processes", [2, 3])
def test_collects_at_once_ask_everything_once(start, fill, config, answers, upstream, place, processes):
    upstream.delay = {"a": 0.02, "b": 0.03}
    fill(place, 500)
    c = config(*({"name": n, "base_url": upstream.url} for n in "ab"))
    ends = [end(p) for p in [start("collect", "--store", place.name, "--config", c, "--per-expert", "8")
                             for _ in range(processes)]]
    assert [e[1] for e in ends] == [0] * processes, ends
    assert all(set(upstream.asked[n].values()) == {1} and len(upstream.asked[n]) == 500 for n in "ab")
    assert {k: x["text"] for k, x in answers(place).items()} == {(f"q{i}", n): f"{n} says: question {i}" for n in "ab"
                                                                 for i in range(500)}
    for n in "ab":
        shares = [e[0][n]["answered"] for e in ends]
        assert sum(shares) == 500 and max(shares) < 500, shares
        assert not any(e[0][n].get("late") or e[0][n]["missing"] for e in ends)
    assert place.sql("SELECT count(*) FROM claims") == place.sql("SELECT count(*) FROM owners") == "0"


def test_graders_at_once_share(start, fill, place):
    fill(place, [{"id": f"q{i}", "query": f"{i}?", "grader": "number", "reference": i, "rewards": {},
                  "responses": {"good": f"It is {i}.", "bad": f"It is {i + 1}."}} for i in range(2000)])
    ends = [end(p) for p in [start("reward", "--store", place.name, "--threads", "1") for _ in range(3)]]
    assert [e[1] for e in ends] == [0, 0, 0], ends
    for expert, mean in (("good", 1), ("bad", 0)):
        assert sum(e[0][expert]["rewarded"] for e in ends if expert in e[0]) == 2000
        assert place.sql("SELECT count(*), min(w.value), max(w.value) FROM rewards w JOIN experts e ON e.key = w.expert"
                         f" WHERE e.name = '{expert}'") in (f"2000|{mean}|{mean}", f"2000|{mean}.0|{mean}.0")


def test_reward_models_at_once_are_asked_everything_once(start, fill, upstream, place):
    upstream.delay["rm"] = 0.005
    upstream.on["rm"] = always(200, '{"data": [{"score": 0.5}]}')
    fill(place, [{"id": f"q{i}", "query": f"question {i}", "rewards": {},
                  "responses": {"a": f"one {i}", "b": f"two {i}"}} for i in range(300)])
    args = ["reward", "--store", place.name, "--endpoint", upstream.url, "--api", "score", "--model", "rm", "--name",
            "rm", "--concurrency", 8]
    ends = [end(p) for p in [start(*args) for _ in range(3)]]
    assert [e[1] for e in ends] == [0, 0, 0], ends
    assert set(upstream.asked["rm"].values()) == {1} and len(upstream.asked["rm"]) == 600
    assert sum(x["rewarded"] for e in ends for x in e[0].values()) == 600 == \
        int(place.sql("SELECT count(*) FROM rewards"))


def test_what_a_killed_process_had_claimed_is_taken_over_at_once(start, fill, config, answers, upstream, place):
    upstream.delay["a"] = 0.01
    fill(place, 1000)
    args = ["collect", "--store", place.name, "--config", config({"name": "a", "base_url": upstream.url}),
            "--per-expert", 8]
    dies, lives = start(*args), start(*args)
    until(lambda: total(upstream) > 200)
    dies.kill()
    dies.wait()
    begun = time.monotonic()
    report, status, err = end(lives)
    assert status == 0 and time.monotonic() - begun < 50, err          # a lease would be a minute
    assert len(answers(place)) == 1000 and len(upstream.asked["a"]) == 1000
    assert total(upstream) <= 1000 + 8                                   # what was in flight, and no more
    assert place.sql("SELECT count(*) FROM owners") == "0"


def test_an_interrupted_process_gives_its_claims_back(start, fill, config, answers, upstream, place):
    upstream.delay["a"] = 0.01
    fill(place, 800)
    args = ["collect", "--store", place.name, "--config", config({"name": "a", "base_url": upstream.url}),
            "--per-expert", 8]
    stops, goes_on = start(*args), start(*args)
    until(lambda: total(upstream) > 200)
    stops.send_signal(signal.SIGINT)
    assert end(stops)[1] == 1
    assert end(goes_on)[1] == 0
    assert set(upstream.asked["a"].values()) == {1} and len(answers(place)) == 800


def test_an_expert_that_is_down_keeps_nobody_waiting_for_the_other(start, fill, config, upstream, place):
    """Both give it up with questions claimed that they did not ask; each must see that the other will not."""
    fill(place, 600)
    c = config({"name": "down", "base_url": f"http://127.0.0.1:{free_port()}/v1"},
               {"name": "good", "base_url": upstream.url})
    ends = [end(p) for p in [start("collect", "--store", place.name, "--config", c, "--retries", "0")
                             for _ in range(2)]]
    assert [e[1] for e in ends] == [1, 1]
    assert all("down: not asked further" in e[2] for e in ends), ends
    assert sum(e[0]["good"]["answered"] for e in ends) == 600


def test_a_reward_model_that_is_down_keeps_nobody_waiting_for_the_other(start, fill, place):
    fill(place, [{"id": f"q{i}", "query": f"question {i}", "rewards": {}, "responses": {"a": f"one {i}"}}
                 for i in range(400)])
    args = ["reward", "--store", place.name, "--endpoint", f"http://127.0.0.1:{free_port()}", "--api", "score",
            "--model", "rm", "--name", "rm",
            "--retries", 0]
    ends = [end(p) for p in [start(*args) for _ in range(2)]]
    assert [e[1] for e in ends] == [1, 1] and all("given up after too many failures in a row" in e[2]
                                                  for e in ends), ends


def claim_elsewhere(place, lease_ms, queries):
    """As if a process on another machine had claimed the first queries for the expert a,
    for lease_ms more of the database's clock."""
    now = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)" if isinstance(place, File) else \
        "CAST(extract(epoch FROM now()) * 1000 AS BIGINT)"
    place.sql(f"INSERT INTO owners (host, process, started, until) VALUES ('elsewhere', {os.getpid()}, 1, {now} + "
              f"{lease_ms})")
    place.sql("INSERT INTO claims (reward_model, query, expert, sample, turn, owner, given_up) SELECT 0, q.key, "
              "e.key, 1, 1, o.key, 0"
              f" FROM queries q, experts e, owners o WHERE e.name = 'a' AND o.host = 'elsewhere' AND q.key <= "
              f"{queries}")


def test_claims_of_another_machine_hold_until_their_lease_ends(run, fill, config, answers, upstream, place):
    fill(place, [{"id": f"q{i}", "query": f"question {i}", "rewards": {"a": 1}} for i in range(40)])
    begun = time.monotonic()
    claim_elsewhere(place, 4000, 10)
    p = run("collect", "--store", place.name, "--config", config({"name": "a", "base_url": upstream.url}))
    assert p.returncode == 0, p.stderr
    assert set(upstream.asked["a"].values()) == {1} and len(answers(place)) == 40
    order = [r[2]["messages"][-1]["content"] for r in upstream.requests]
    assert sorted(order[:30]) == sorted(f"question {i}" for i in range(10, 40))
    assert all(3.9 < t - begun < 50 for _, t in upstream.times[30:])


def test_an_answer_after_a_lost_lease_is_kept_only_where_there_is_none(run, start, fill, config, answers, upstream,
                                                                       place):
    upstream.delay["a"] = 2
    fill(place, 2)
    p = start("collect", "--store", place.name, "--config", config({"name": "a", "base_url": upstream.url}))
    until(lambda: total(upstream) == 2)
    place.sql("DELETE FROM claims")
    place.sql("DELETE FROM owners")
    other = run("import", "--store", place.name, "-",
                input='{"id": "q0", "expert": "a", "text": "from another process"}\n')
    assert other.returncode == 0, other.stderr
    report, status, err = end(p)
    assert status == 0 and report["a"]["late"] == 1, err
    assert "a: 1 answers came too late and were dropped" in err
    assert {k[0]: x["text"] for k, x in answers(place).items()} == {"q0": "from another process",
                                                                    "q1": "a says: question 1"}
    assert set(upstream.asked["a"].values()) == {1}


def test_one_that_was_taken_for_dead_goes_on(start, fill, config, answers, upstream, place):
    """As after a machine slept: its claims are others' before it knows."""
    upstream.delay["a"] = 0.02
    fill(place, 400)
    p = start("collect", "--store", place.name, "--config", config({"name": "a", "base_url": upstream.url}),
              "--per-expert", "4")
    until(lambda: total(upstream) > 50)
    place.sql("DELETE FROM claims")
    place.sql("DELETE FROM owners")
    report, status, err = end(p)
    assert status == 0 and len(answers(place)) == 400, err
    assert place.sql("SELECT count(*) FROM claims") == place.sql("SELECT count(*) FROM owners") == "0"


# ---- what is kept of failures ----

def failed_of(answers, place):
    return {k[1]: x.get("failed") for k, x in answers(place).items()}


def test_failures_that_may_pass_are_rows_and_are_asked_again(run, fill, config, answers, upstream, file):
    upstream.on = {"e500": always(500, "broken"), "e429": always(429, '{"error": {"message": "too many"}}')}
    upstream.delay["slow"] = 30
    port = free_port()
    fill(file, 1)
    experts = [{"name": n, "base_url": upstream.url} for n in ("e500", "e429", "slow")]
    experts += [{"name": "refused", "base_url": f"http://127.0.0.1:{port}/v1"}]
    args = ["collect", "--store", file.name, "--config", config(*experts), "--retries", "0", "--timeout", "1"]
    for times in (1, 2):
        assert run(*args).returncode == 1
        rows = failed_of(answers, file)
        assert {n: (f["times"], f["final"]) for n, f in rows.items()} == {n["name"]: (times, False) for n in experts}
    assert rows["e500"]["cause"] == "HTTP 500: broken" and rows["e429"]["cause"] == "HTTP 429: too many"
    assert "within 1000 ms" in rows["slow"]["cause"] and "connect" in rows["refused"]["cause"].lower()
    assert all(0 <= time.time() - when(f["last"]) < 100 for f in rows.values())
    assert not any("cost" in f for f in rows.values())
    upstream.on, upstream.delay = {}, {}
    p = run("collect", "--store", file.name, "--config", config(*experts[:3]))
    assert p.returncode == 0, p.stderr
    kept = answers(file)[("q0", "e500")]
    # the history stays beside the answer
    assert kept["text"] == "e500 says: question 0" and kept["failed"]["times"] == 2


FINAL = {
    "e400": (always(400, '{"error": {"message": "no"}}'), "HTTP 400: no", None),
    "e404": (always(404, '{"error": {"message": "no model"}}'), "HTTP 404: no model", None),
    "filter": (always(200, json.dumps(completion("", finish_reason="content_filter"))), "content filter", 0.029),
    "refusal": (always(200, json.dumps({**completion(None), "choices": [{"index": 0, "finish_reason": "stop",
                                                                         "message": {
        "role": "assistant", "content": None, "refusal": "I will not."}}]})), "refus", 0.029),
    "length": (always(200, json.dumps(completion("", finish_reason="length"))), "length", 0.029),
}


def test_failures_for_good_are_asked_again_only_when_told_and_their_cost_is_kept(run, fill, config, answers, upstream,
                                                                                 place):
    upstream.on = {n: f[0] for n, f in FINAL.items()}
    fill(place, 1)
    c = config(*({"name": n, "base_url": upstream.url, "price": {"input": 1000, "output": 2000}} for n in FINAL))
    p = run("collect", "--store", place.name, "--config", c)
    assert p.returncode == 1 and "--again failed" in p.stderr
    rows = failed_of(answers, place)
    for n, (_, cause, cost) in FINAL.items():
        assert rows[n]["final"] is True and rows[n]["times"] == 1 and cause in rows[n]["cause"], rows[n]
        assert rows[n].get("cost") == (None if cost is None else pytest.approx(cost)), n
    assert sum(x["cost"] for x in map(json.loads, p.stdout.splitlines())) == pytest.approx(3 * 0.029)
    assert run("collect", "--store", place.name, "--config", c).returncode == 0 and total(upstream) == 5
    assert run("collect", "--store", place.name, "--config", c, "--again", "failed").returncode == 1 and \
        total(upstream) == 10
    rows = failed_of(answers, place)
    assert {f["times"] for f in rows.values()} == {2} and rows["filter"]["cost"] == pytest.approx(2 * 0.029)
    upstream.on = {}
    p = run("collect", "--store", place.name, "--config", c, "--again", "failed")
    assert p.returncode == 0, p.stderr
    assert all(x["text"] == f"{k[1]} says: question 0" for k, x in answers(place).items())


# ---- what is kept of answers ----

def test_all_that_is_known_of_an_answer_is_exported_and_imports_alike(run, fill, config, answers, upstream, place,
                                                                      tmp_path):
    reply = completion("42", prompt_tokens=100, completion_tokens=50)
    reply["choices"][0]["message"]["reasoning_content"] = "Six times seven."
    reply["usage"].update(completion_tokens_details={"reasoning_tokens": 30},
                          prompt_tokens_details={"cached_tokens": 64})
    upstream.on["thinks"] = always(200, json.dumps(reply))
    upstream.delay["thinks"] = 0.3
    fill(place, 3)
    c = config({"name": "thinker", "model": "thinks", "base_url": upstream.url, "price": {"input": 3, "output": 15}},
               {"name": "plain", "base_url": upstream.url})
    before = time.time()
    p = run("collect", "--store", place.name, "--config", c, "--system", "Be brief.", "--temperature", "0.5",
            "--max-tokens", "99")
    assert p.returncode == 0, p.stderr
    found = answers(place)
    a = found[("q1", "thinker")]
    assert a["text"] == "42" and a["reasoning"] == "Six times seven." and a["finish_reason"] == "stop"
    assert a["tokens"] == {"in": 100, "out": 50, "reasoning": 30, "cached": 64}
    assert a["cost"] == pytest.approx((100 * 3 + 50 * 15) * 1e-6) and 0.3 <= a["seconds"] < 5
    assert a["settings"] == {"model": "thinks", "system": "Be brief.", "temperature": 0.5, "max_tokens": 99}
    assert before - 1 <= when(a["asked"]) <= time.time() - 0.2
    b = found[("q1", "plain")]
    assert "cost" not in b and "reasoning" not in b and b["tokens"] == {"in": 7, "out": 11} and \
        b["settings"]["model"] == "plain"
    assert place.sql("SELECT count(*) FROM settings") == "2"

    other = File(tmp_path / "other.db")
    for what in ("rows", "answers"):
        lines = run("export", "--store", place.name, "--what", what).stdout
        assert run("import", "--store", other.name, "-", input=lines).returncode == 0
        assert run("export", "--store", other.name, "--what", what).stdout == lines != ""


# ---- many lines of one id, where rows go over in bulk ----

def test_a_line_sees_all_lines_of_its_id_before_it(run, fill, place):
    def line(id="q0", **more):
        return json.dumps({"id": id, **more}) + "\n"

    def load(text, *options):
        return run("import", "--store", place.name, *options, "-", input=text)
    new = line(query="question 0", rewards={"a": 1}) + line("q1", query="question 1", rewards={"a": 2})
    assert load(new + line(rewards={"b": 2}, tags=["t:1"])
                + line(rewards={"a": 1, "b": 2}, tags=["t:1"])).returncode == 0
    p = load(line(rewards={"c": 3}) + line("q1", rewards={"c": 4}) + line(rewards={"c": 3})
             + line(tags=["t:2"], responses={"a": "x"}))
    assert p.returncode == 0 and "0 rows added, 3 updated, 1 unchanged" in p.stderr, p.stderr
    p = load(line(rewards={"d": 4}) + line("q1", rewards={"d": 4}) + line(rewards={"d": 5}))
    assert p.returncode == 1 and "stdin:3" in p.stderr and "reward of d (4)" in p.stderr, p.stderr
    assert load(line(rewards={"d": 4}) + line(rewards={"d": 5}), "--update").returncode == 0
    rows = [json.loads(x) for x in run("export", "--store", place.name).stdout.splitlines()]
    assert [r["rewards"] for r in rows] == [{"a": 1, "b": 2, "c": 3, "d": 5}, {"a": 2, "c": 4}] and rows[0]["tags"] == \
        ["t:1", "t:2"]


# ---- killed ----

@pytest.mark.parametrize("what", ["import", "collect", "reward"])
def test_kills_lose_nothing_and_repeat_nothing_but_what_was_in_flight(zooter, request, place, what):
    where = [] if isinstance(place, File) else ["--store", request.getfixturevalue("postgres").url("postgres")]
    p = subprocess.run([sys.executable, KILLS, "--zooter", zooter, "--times", "4", *where, what], capture_output=True,
                       text=True, timeout=200)
    assert p.returncode == 0, p.stdout + p.stderr
