"""A store on PostgreSQL as an operator has it: the whole loop gives what a file gives;
wrong servers and databases are refused with a sentence;
servers that restart, go away and come back lose nothing; passwords and user names are shown nowhere."""
import contextlib
import json
import os
import pathlib
import random
import signal
import subprocess
import threading
import time

import pytest

import postgres as postgres_module
import test_train_encoder
import test_train_mpi
from conftest import free_port
from test_train import rows
from test_train_mpi import FIXED, finish
from upstream import Upstream, always

WHATS = ("rows", "responses", "rewards", "answers", "judgements")
mpirun, backbones = test_train_mpi.mpirun, test_train_encoder.backbones


def lines(items):
    return "".join(x if isinstance(x, str) else json.dumps(x) + "\n" for x in items)


def plain(n, **more):
    return [{"id": f"q{i}", "query": f"question {i}", "rewards": {}, **more} for i in range(n)]


def shown(url):
    """What sentences call it: without the user."""
    return "postgresql://" + url.split("://")[1].split("@")[1]


@pytest.fixture
def server_alone():
    """A server of this test's own, to stop and start."""
    if not postgres_module.available():
        pytest.skip("needs PostgreSQL (Debian: postgresql)")
    with contextlib.closing(postgres_module.Server()) as s:
        yield s


@pytest.fixture
def upstream():
    with Upstream() as up:
        yield up


@pytest.fixture
def done(run):
    """run() that has to end well."""
    def call(*args, **more):
        p = run(*args, **more)
        assert p.returncode == 0, p.stderr
        return p
    return call


@pytest.fixture
def filled(done):
    """filled(url, rows) -> the URL."""
    def call(url, items):
        done("import", "--store", url, "-", input=lines(items))
        return url
    return call


def export(done, store, what, *more):
    return done("export", "--store", store, "--what", what, *more).stdout


def everything(done, store, model="default"):
    return {what: export(done, store, what, *(["--reward-model", model] if what == "rows" else [])) for what in WHATS}


def without_times(answers):
    return [{k: v for k, v in json.loads(x).items() if k not in ("asked", "seconds", "first_token_seconds")}
            for x in answers.splitlines()]


# ---- the same as in a file

SMALL = [
    {"id": "a", "query": "1\n\u2028é😀\u0001\"\\/", "rewards": {"m": 0.1, "org/x:7b": -3, "B": 1e300, "b": 5e-324},
     "dataset": "d", "subset": "s",
     "split": "train", "tags": ["k:v", "plain", ":x", "k:", "tag:y:z"], "turns": ["a", {"b": [None, 1.5]}],
     "n": 10 ** 12},
    {"id": "b", "query": "", "rewards": {"z": 0.30000000000000004}, "split": "test", "costs": {"m": 0.25},
     "tokens": {"m": {"in": 3, "out": 4}}},
    {"id": "a", "responses": {"m": "an\nsw\0er", "Z": ""}}, {"id": "b", "reward_model": "judge", "rewards": {"m": 7}},
    {"id": "a", "expert": "m", "sample": 2, "settings": {"temperature": 0.7}, "text": "x\0y", "reasoning": "hm",
     "finish_reason": "stop",
     "tokens": {"in": 41, "out": 7}, "cost": 0.0002, "seconds": 0.5, "asked": "2026-11-22T21:05:01Z",
     "scores": {"judge": 0.9},
     "failed": {"times": 2, "cause": "HTTP 500", "final": False, "last": "2026-11-22T21:04:59Z"}},
    {"id": "a", "reward_model": "judge", "a": {"expert": "m"}, "b": {"expert": "Z"}, "shown": "ba", "verdict": "tie",
     "text": "a\0b"},
]


def test_exports_are_those_of_a_file_and_copies_go_both_ways(done, run, filled, postgres, tmp_path):
    file, url = tmp_path / "s.db", postgres.database()
    for store in (file, url):
        filled(store, SMALL)
    want = everything(done, file)
    assert all(want.values()) and everything(done, url) == want
    there, back, other = postgres.database(), tmp_path / "back.db", postgres.database()
    p = done("store", "copy", "--from", file, "--to", there)
    assert f"rows of {file} into {shown(there)}" in p.stderr
    done("store", "copy", "--from", there, "--to", back)
    done("store", "copy", "--from", there, "--to", other)
    for copy in (there, back, other):
        assert everything(done, copy) == want
        assert done("store", "info", "--store", copy, "--json").stdout == done("store", "info", "--store", file,
                                                                               "--json").stdout
    p = run("store", "copy", "--from", file, "--to", there)
    assert p.returncode == 1 and f"{shown(there)}: has rows already" in p.stderr
    # keys go on behind the copied ones
    filled(there, [{"id": "c", "query": "new", "rewards": {"new": 1}, "tags": ["new:1"], "reward_model": "new"}])
    assert done("export", "--store", there, "--reward-model", "new").stdout.count("\n") == 3
    done("store", "delete", "--store", there, "--split", "train", "--yes")
    assert [json.loads(x)["id"] for x in export(done, there, "rows", "--reward-model", "default").splitlines()] == ["b",
                                                                                                                    "c"]
    assert postgres.sql(there,
                        "SELECT count(*) FROM rewards w WHERE NOT EXISTS (SELECT 1 FROM queries WHERE key = "
                        "w.query)") == "0"
    done("store", "upgrade", "--store", there)
    p = run("store", "backup", "--store", there, tmp_path / "backup.db")
    assert p.returncode == 2 and "copy" in p.stderr and not (tmp_path / "backup.db").exists()


def any_line(r):
    """One of every kind, about few queries, experts and numbers, so that they meet again; some are refused."""
    line, e, x = {"id": f"q{r.randrange(9)}"}, r.choice("abc"), r.randrange(3)
    kind = r.randrange(8)
    if kind < 3:
        line |= {"query": r.choice(("text", "text", "other")),
                 "rewards": {y: x for y in "abc"[:r.randrange(4)]}} if kind else {"rewards": {e: x}}
        for key, value in (("split", r.choice(("train", "test"))), ("dataset", "d"), ("subset", r.choice("st")),
                           ("tags", [f"k:{x}", "l:1"]), ("responses", {e: f"said {x}"}), ("costs", {e: x}),
                           ("tokens", {e: {"in": x}}), ("n", x), ("reward_model", r.choice(("rm", "default")))):
            if r.random() < 0.25:
                line[key] = value
    elif kind < 7:
        line |= {"expert": e, "sample": r.randrange(1, 3)}
        for key, value in (("text", f"said {x}"), ("settings", {"temperature": x}), ("cost", x), ("tokens", {"out": x}),
                           ("scores", {"rm": x, "default": 1}), ("failed",
                                                                 {"times": 1, "cause": f"HTTP 50{x}", "final": False,
                                                                  "last": "2026-11-22T21:04:59Z"})):
            if r.random() < 0.4:
                line[key] = value
    else:
        line |= {"reward_model": "judge", "a": {"expert": e}, "b": {"expert": r.choice("abc")},
                 "verdict": r.choice(("a", "tie"))}
    return line


@pytest.mark.parametrize("seed", range(4))
def test_importing_again_follows_the_same_rules(done, run, filled, postgres, tmp_path, seed):
    """Files of lines drawn at random, which agree and disagree with what is stored and with each other:
    the same sentences and the same store."""
    r, stores, imported = random.Random(seed), (tmp_path / "s.db", postgres.database()), 0
    for store in stores:
        filled(store, plain(3) + SMALL)
    for turn in range(20):
        (tmp_path / "in.jsonl").write_text(lines(any_line(r) for _ in range(r.choice((1, 3, 30)))))
        options = r.choice(([], ["--update"], ["--skip-bad"], ["--skip-bad", "--update"]))
        said = [run("import", "--store", s, *options, tmp_path / "in.jsonl") for s in stores]
        words = [[x for x in p.stderr.splitlines() if not x.startswith("import (bytes)")] for p in said]
        assert said[0].returncode == said[1].returncode and words[0] == words[1], (options,
                                                                                   (tmp_path / "in.jsonl").read_text())
        imported += said[0].returncode == 0
        if turn % 5 == 4:
            assert everything(done, stores[0]) == everything(done, stores[1])
            assert len({done("store", "info", "--json", "--store", s).stdout for s in stores}) == 1
    assert 4 < imported < 20


def test_texts_that_are_too_much_to_read_ahead(run, done, filled, postgres, tmp_path):
    """Together more than is held in memory, and one alone."""
    url, file, sizes = postgres.database(), tmp_path / "big.jsonl", (9, 9, 0, 17, 0)
    many = [{"id": f"q{i}", "query": "x", "rewards": {}, "responses": {"a": chr(97 + i) * (size << 20), "b": "small"}}
            for i, size in enumerate(sizes)]
    file.write_text(lines(many))
    filled(url, many)
    assert "0 rows added, 0 updated, 5 unchanged" in done("import", "--store", url, file).stderr
    for changed in (1, 3, 4):
        p = run("import", "--store", url, "--skip-bad", "-", input=lines({**x, "responses": {"b": "other", "c": "new"}}
                                                                         if i == changed else x
                                                                     for i, x in enumerate(many)))
        assert p.returncode == 0 and f"id 'q{changed}' is stored with another response of b" in p.stderr and \
            "4 unchanged, 1 left out" in p.stderr
    assert postgres.sql(url, "SELECT count(*), sum(length(text)) FROM answers") == f"10|{sum(sizes) * (1 << 20) + 25}"


def loop(done, store, sample, out, port):
    """From the sample to figures."""
    done("import", "--store", store, sample / "queries.jsonl")
    done("collect", "--store", store, "--config", sample / "experts.yaml")
    done("reward", "--store", store, "--name", "exact")
    done("tag", "--store", store, "--cluster", "6", "--kind", "topic")
    done("select", "--store", store, "--split", "pool", "--benchmark", sample / "benchmark.jsonl", "--tags", "kind",
         "--per-tag", "12", "--into", "train")
    done("train", "--store", store, "--split", "train", "--out", out / "router", "--temperature", "0.1", "--beta",
         "auto")
    done("eval", "--store", store, "--split", "test", "--router", out / "router", "--json", out / "eval.json",
         "--bootstrap", "100")


def test_the_whole_loop_is_that_of_a_file(done, server, postgres, tmp_path):
    sample, port = tmp_path / "sample", free_port()
    done("sim", "--write-sample", sample, "--seed", "3", "--port", port, "--without-programs")
    server("sim", "--config", sample / "sim.yaml", "--port", port, url=f"http://127.0.0.1:{port}/health")
    file, url = tmp_path / "s.db", postgres.database()
    for store, name in ((file, "file"), (url, "postgres")):
        (tmp_path / name).mkdir()
        loop(done, store, sample, tmp_path / name, port)
    for what in ("rows", "responses", "rewards"):
        assert export(done, file, what) == export(done, url, what) != ""
    assert without_times(export(done, file, "answers")) == without_times(export(done, url, "answers"))
    assert (tmp_path / "file/router/model.safetensors").read_bytes() == \
        (tmp_path / "postgres/router/model.safetensors").read_bytes()
    figures = [(tmp_path / name / "eval.json").read_text().replace(where, "").replace(f"/{name}/", "/")
               for name, where in (("file", str(file)), ("postgres", shown(url)))]
    assert figures[0] == figures[1]
    assert postgres.sql(url, "SELECT command, status FROM runs ORDER BY key").split() == [f"{x}|done" for x
                                                                                          in ("collect", "reward",
                                                                                              "tag", "select", "train")]
    assert postgres.sql(url, "SELECT count(*) FROM claims") == "0" and \
        postgres.sql(url, "SELECT count(*) FROM owners") == "0"


def test_real_rewards_train_the_same_router(done, shared, postgres, tmp_path):
    file, url, copy = tmp_path / "s.db", postgres.database(), postgres.database()
    for store in (file, url):
        for part in ("train", "test"):
            done("import", "--store", store, shared / f"data/routerdc/{part}.jsonl")
    assert everything(done, file) == everything(done, url)
    done("store", "copy", "--from", url, "--to", copy)
    for name, store in (("file", file), ("url", url), ("copy", copy)):
        done("train", "--store", store, "--split", "train", "--out", tmp_path / name, "--temperature", "0.0251364",
             "--beta", "auto")
        done("eval", "--store", store, "--split", "test", "--router", tmp_path / "file", "--bootstrap", "0", "--json",
             tmp_path / f"{name}.json")
    for name in ("url", "copy"):
        assert (tmp_path / name / "model.safetensors").read_bytes() == \
            (tmp_path / "file/model.safetensors").read_bytes()
        assert (tmp_path / f"{name}.json").read_text().replace(shown({"url": url, "copy": copy}[name]), "S") == \
            (tmp_path / "file.json").read_text().replace(str(file), "S")


# ---- servers and databases that will not do

def refused(p, status, *words):
    assert p.returncode == status, p.stderr
    assert len(p.stderr.strip().splitlines()) == 1 and all(w in p.stderr for w in words), p.stderr


READERS = (["export"], ["store", "info"], ["import", os.devnull], ["eval"])


def test_databases_that_are_none_of_ours_are_refused_and_left_alone(run, filled, postgres, tmp_path):
    base = postgres.url("")
    foreign, ours, latin, nowhere = postgres.database(), filled(postgres.database(), plain(3)), base + "latin", base + \
        "nowhere"
    postgres.sql(foreign, "CREATE TABLE customers (name TEXT)")
    postgres.sql(base + "postgres", "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    for command in READERS:
        refused(run(*command, "--store", foreign), 1,
                f"{shown(foreign)}: not a store: it holds another program's tables")
        refused(run(*command, "--store", latin), 1, "encoding is LATIN1 and has to be UTF8", "createdb")
        refused(run(*command, "--store", nowhere), 1, "no such database", "createdb nowhere")
        refused(run(*command, "--store", f"postgresql://postgres@127.0.0.1:{free_port()}/x"), 1,
                "is a server running there")
        refused(run(*command, "--store", "postgresql://postgres@no-such-host.invalid/x"), 1, "no-such-host.invalid")
    assert postgres.sql(foreign,
                        "SELECT string_agg(relname, ' ') FROM pg_class WHERE relnamespace = "
                        "'public'::regnamespace") == "customers"
    refused(run("store", "info", "--store", postgres.database()), 1, "not a store: it is empty", "zooter import")
    postgres.sql(foreign, "CREATE TABLE zooter (application TEXT, version BIGINT)")
    refused(run("import", "--store", foreign, os.devnull), 1, "not a store")
    postgres.sql(ours, "UPDATE zooter SET version = 99")
    for command in (*READERS, ["store", "upgrade"]):
        refused(run(*command, "--store", ours), 1, f"{shown(ours)}: made by a newer zooter (version 99")


def test_rights(run, filled, postgres, tmp_path):
    """A wrong password, one that is missing, a role that may nothing, and one that may only read."""
    base, ours = postgres.url(""), filled(postgres.database(), rows(60))
    tcp = postgres.tcp(ours.rsplit("/", 1)[1])
    outside = {k: v for k, v in os.environ.items() if not k.startswith("PG")} | {"HOME": str(tmp_path)}
    refused(run("export", "--store", tcp, env={**outside, "PGPASSWORD": "wrong"}), 1, "password authentication failed",
            "PGPASSWORD")
    refused(run("export", "--store", tcp, env=outside), 1, "asks for a password", "PGPASSWORD", ".pgpass")
    assert run("export", "--store", tcp, env={**outside, "PGPASSWORD": "secret"}).returncode == 0
    pgpass = tmp_path / ".pgpass"
    pgpass.write_text(f"127.0.0.1:{postgres.port}:*:zoo:secret\n")
    pgpass.chmod(0o600)
    assert run("export", "--store", tcp, env=outside).returncode == 0
    postgres.sql(base + "postgres", "CREATE ROLE nobody_special LOGIN; CREATE ROLE reader LOGIN")
    postgres.sql(ours, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    nobody, reader = (ours.replace("postgres@", f"{role}@") for role in ("nobody_special", "reader"))
    for command in ("export", "eval"):
        refused(run(command, "--store", nobody), 1, "permission denied", "GRANT")
    refused(run("import", "--store", postgres.database().replace("postgres@", "nobody_special@"), os.devnull), 1,
            "permission denied", "GRANT")
    refused(run("import", "--store", reader, "-", input=lines(rows(61))), 1, "permission denied", "GRANT")
    assert run("export", "--store", reader).stdout == run("export", "--store", ours).stdout != ""
    assert run("train", "--store", ours, "--out", tmp_path / "a").returncode == 0
    assert run("eval", "--store", reader, "--router", tmp_path / "a", "--split", "train").returncode == 0
    refused(run("train", "--store", reader, "--out", tmp_path / "b"), 1, "permission denied for table runs")
    assert not (tmp_path / "b").exists()
    assert run("store", "copy", "--from", reader, "--to", tmp_path / "copy.db").returncode == 0


# ---- passwords and user names

PASSWORD = "xk7-Secret"
SPELLINGS = ["postgresql://joe:{0}@127.0.0.1:1/x", "postgres://joe:{0}@127.0.0.1:1/x", "postgresql://:{0}@127.0.0.1/x",
             "postgresql://127.0.0.1:1/x?password={0}", "postgresql://joe@127.0.0.1:1/x?sslmode=disable&password={0}",
             "postgresql://127.0.0.1:1/x?pass%77ord={0}", "postgresql://127.0.0.1:1/x?sslpassword={0}",
             "postgresql:///x?host=/tmp&password={0}",
             "postgresql://joe:%78k7-Secret@127.0.0.1:1/x", "postgresql://joe:a@{0}@127.0.0.1:1/x",
             "postgresql://joe:a/{0}@127.0.0.1:1/x",
             "postgresql://joe:{0}@127.0.0.1:1,127.0.0.1:2/x", "postgresql://joe:{0}@127.0.0.1:1/x?nonsense=1",
             "postgresql://joe:{0}%@127.0.0.1:1/x",
             "POSTGRESQL://joe:{0}@127.0.0.1:1/x"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_password_in_a_url_is_refused_before_anything_is_done(run, tmp_path, spelling):
    url, out = spelling.format(PASSWORD), tmp_path / "out"
    (tmp_path / "experts.yaml").write_text("experts:\n  - {name: a, base_url: 'http://127.0.0.1:1/v1'}\n")
    (tmp_path / "in.jsonl").write_text(lines(plain(1)))
    assert run("import", "--store", tmp_path / "file.db", tmp_path / "in.jsonl").returncode == 0
    before = sorted(tmp_path.iterdir())
    for command in (["import", "--store", url, tmp_path / "in.jsonl"], ["export", "--store", url],
                    ["collect", "--store", url, "--config", tmp_path / "experts.yaml"],
                    ["reward", "--store", url], ["tag", "--store", url, "--kind", "k", "--cluster", "2"],
                    ["tag", "--store", url, "--kind", "k", "--from-column", "f"],
                    ["select", "--store", url, "--into", "t"], ["split", "--store", url, "--into",
                                                                "train=0.7,test=0.3"],
                    ["train", "--store", url, "--out", out],
                    ["eval", "--store", url], ["store", "info", "--store", url],
                    ["store", "backup", "--store", url, out], ["store", "upgrade", "--store", url],
                    ["store", "delete", "--store", url, "--split", "x", "--yes"],
                    ["store", "copy", "--from", url, "--to", out],
                    ["store", "copy", "--from", tmp_path / "file.db", "--to", url]):
        p = run(*command, cwd=tmp_path)
        assert p.returncode == 2, (command, p.stderr)
        assert "PGPASSWORD" in p.stderr or "a/{0}" in spelling and "cannot be read" in p.stderr, (command, p.stderr)
        assert "xk7" not in p.stdout + p.stderr and "joe" not in p.stderr
    assert sorted(tmp_path.iterdir()) == before


def arguments_of_children(pid):
    """What `ps` shows of the process and those it has started."""
    seen, todo = b"", [pid]
    while todo:
        p = todo.pop()
        with contextlib.suppress(OSError):
            seen += pathlib.Path(f"/proc/{p}/cmdline").read_bytes()
            todo += map(int, pathlib.Path(f"/proc/{p}/task/{p}/children").read_text().split())
    return seen


def test_password_and_user_are_found_nowhere(done, zooter, server, postgres, tmp_path):
    """The whole loop with a password from the environment, by a user of a name of its own;
    then everything that was written is searched."""
    user, password = "keeper_of_zoo", "planted-Secret-93"
    postgres.sql(postgres.url("postgres"), f"CREATE ROLE {user} LOGIN PASSWORD '{password}'")
    name = postgres.database().rsplit("/", 1)[1]
    postgres.sql(postgres.url(name), f"GRANT ALL ON SCHEMA public TO {user}")
    url = postgres.tcp(name).replace("zoo@", f"{user}@")
    sample, port, out = tmp_path / "sample", free_port(), tmp_path / "out"
    done("sim", "--write-sample", sample, "--port", port, "--without-programs")
    server("sim", "--config", sample / "sim.yaml", "--port", port, url=f"http://127.0.0.1:{port}/health")
    env, said, seen = {**os.environ, "PGPASSWORD": password}, "", b""
    out.mkdir()
    for command in (["import", "--store", url, sample / "queries.jsonl"],
                    ["collect", "--store", url, "--config", sample / "experts.yaml", "--limit", "60"],
                    ["reward", "--store", url], ["tag", "--store", url, "--cluster", "3", "--kind", "topic"],
                    ["select", "--store", url, "--split", "pool", "--per-tag", "2", "--into", "train", "--report",
                     out / "report.jsonl"],
                    ["split", "--store", url, "--split", "pool", "--into", "x=0.5,y=0.5", "--dry-run"],
                    ["train", "--store", url, "--out", out / "router"],
                    ["train", "--store", url, "--split", "none", "--out", out / "failed"],
                    ["train", "--store", url, "--out", out / "router", "--force", "--seed", "4"],
                    ["eval", "--store", url, "--router", out / "router", "--json", out / "eval.json"],
                    ["export", "--store", url, "--what", "answers"],
                    ["store", "info", "--store", url], ["store", "copy", "--from", url, "--to", out / "copy.db"],
                    ["store", "delete", "--store", url, "--split", "test"]):
        p = subprocess.Popen([zooter, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env,
                             text=True)
        seen += arguments_of_children(p.pid).replace(url.encode(), b"")
        stdout, stderr = p.communicate(timeout=120)
        assert p.returncode == (2 if "none" in command or "delete" in command else 0), stderr
        said += stdout + stderr
    assert f"postgresql://127.0.0.1:{postgres.port}/{name}" in said
    runs = postgres.sql(postgres.url(name), "SELECT command, settings, summary FROM runs")
    assert len(runs.splitlines()) == 6
    files = [p.read_bytes() for p in out.rglob("*") if p.is_file()]
    assert len(files) >= 5
    for where in (said.encode(), runs.encode(), seen, *files):
        for secret in (password, user, url):
            assert secret.encode() not in where


def test_children_are_not_given_a_store(zooter, tmp_path):
    """zooter demo runs the other commands as children, whose arguments everybody sees:
    it works on a file of its own."""
    env = {**os.environ, "PGPASSWORD": "planted-Secret-93"}
    p = subprocess.Popen([zooter, "demo", "--dir", str(tmp_path / "demo"), "--without-programs"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)
    seen, end = b"", time.monotonic() + 20
    while p.poll() is None and b"collect" not in seen and time.monotonic() < end:
        seen += arguments_of_children(p.pid)
        time.sleep(0.01)
    p.send_signal(signal.SIGTERM)
    err = p.communicate(timeout=30)[1]
    assert b"collect" in seen and b"planted" not in seen + err


# ---- a server that goes away

@pytest.fixture
def config(tmp_path, upstream):
    path = tmp_path / "experts.yaml"
    path.write_text("experts:\n" + "".join(f"  - {{name: {e}, base_url: '{upstream.url}'}}\n" for e in "ab"))
    return path


def start(zooter, *args, **more):
    return subprocess.Popen([zooter, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            **more)


def end(p, timeout=90):
    out, p.said = p.communicate(timeout=timeout)
    assert p.returncode >= 0 and "Sanitizer" not in p.said, p.said
    return p


def until(condition, p, seconds=60):
    limit = time.monotonic() + seconds
    while not condition():
        assert p.poll() is None, p.communicate()
        assert time.monotonic() < limit
        time.sleep(0.005)


def asked(upstream):
    return sum(sum(counts.values()) for counts in upstream.asked.values())


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_in_the_middle_of_collect_costs_nothing(zooter, filled, postgres, upstream, config, mode):
    url = filled(postgres.database(), plain(500))
    upstream.delay = {"a": 0.005, "b": 0.01}
    p = start(zooter, "collect", "--store", url, "--config", config)
    for many in (150, 450, 800):
        until(lambda many=many: asked(upstream) >= many, p)
        postgres.restart(mode)
    end(p)
    assert p.returncode == 0, p.said
    assert asked(upstream) == 1000 and all(set(c.values()) == {1} for c in upstream.asked.values())
    assert postgres.sql(url, "SELECT count(*), count(DISTINCT (query, expert)) FROM answers WHERE text IS NOT "
                             "NULL") == "1000|1000"
    assert postgres.sql(url, "SELECT command, status FROM runs") == "collect|done"
    assert postgres.sql(url, "SELECT count(*) FROM claims") == postgres.sql(url, "SELECT count(*) FROM owners") == "0"


def scorer(upstream):
    upstream.on["rm"] = always(200, '{"data": [{"score": 0.5}]}')
    return ["--name", "rm", "--endpoint", upstream.url[:-3], "--api", "score", "--model", "rm", "--concurrency", "8"]


def test_a_restart_in_the_middle_of_reward_costs_nothing(zooter, filled, postgres, upstream):
    url = filled(postgres.database(), plain(300, responses={"a": "x", "b": "y"}))
    upstream.delay["rm"] = 0.005
    options = scorer(upstream)
    p = start(zooter, "reward", "--store", url, *options)
    for many, mode in ((100, "fast"), (300, "immediate")):
        until(lambda many=many: asked(upstream) >= many, p)
        postgres.restart(mode)
    end(p)
    assert p.returncode == 0, p.said
    assert asked(upstream) == 600
    assert postgres.sql(url, "SELECT count(*), min(value), max(value) FROM rewards") == "600|0.5|0.5"
    graded = filled(postgres.database(), [{"id": str(i), "query": "6*7?", "grader": "number", "reference": 42,
                                           "rewards": {},
                                           "responses": {e: "It is 42. " + "so " * i for e in "abcdefgh"}}
                                          for i in range(400)])
    p = start(zooter, "reward", "--store", graded)
    until(lambda: postgres.sql(graded, "SELECT count(*) > 200 FROM rewards") == "t", p)
    postgres.restart("fast")
    end(p)
    assert p.returncode == 0, p.said
    assert postgres.sql(graded, "SELECT count(*), min(value) FROM rewards") == "3200|1"


def test_a_restart_in_the_middle_of_train_is_not_noticed(zooter, filled, postgres, tmp_path):
    url = filled(postgres.database(), rows(900))
    p = start(zooter, "train", "--store", url, "--out", tmp_path / "router")
    until(lambda: postgres.sql(url, "SELECT count(*) FROM runs") == "1", p)
    postgres.restart("immediate")
    end(p)
    assert p.returncode == 0, p.said
    assert postgres.sql(url, "SELECT status, summary IS NULL FROM runs") == "done|f" and \
        (tmp_path / "router/model.safetensors").exists()


@pytest.mark.parametrize("command", ["collect", "reward"])
def test_a_server_that_is_gone_for_good_is_one_sentence_and_the_rest_is_done_later(zooter, done, filled, server_alone,
                                                                                   upstream, config, command):
    url = filled(server_alone.database(), plain(300, responses={"a": "x", "b": "y"} if command == "reward" else {}))
    upstream.delay = dict.fromkeys(("a", "b", "rm"), 0.01)
    options = ["--store", url, *(("--config", config, "--per-expert", "8") if command == "collect"
                                 else scorer(upstream))]
    table = "answers" if command == "collect" else "rewards"
    p = start(zooter, command, *options, env={**os.environ, "ZOOTER_DB_WAIT": "2"})
    until(lambda: asked(upstream) >= 200, p)
    server_alone.stop("fast")
    began = time.monotonic()
    end(p)
    assert p.returncode == 1 and time.monotonic() - began < 10
    sentence = f"zooter {command}: {shown(url)}: the server went away and did not come back within 2 s; " \
               "what was stored before is kept; run the command again"
    assert p.said.splitlines()[-1] == sentence and p.said.count(shown(url)) == 1, p.said
    before = asked(upstream)
    server_alone.start()
    kept = int(server_alone.sql(url, f"SELECT count(*) FROM {table}"))
    assert before - 32 <= kept <= before
    done(command, *options)
    assert server_alone.sql(url, f"SELECT count(*), count(DISTINCT (query, expert)) FROM {table}") == "600|600"
    assert asked(upstream) == 600 + before - kept


def test_an_import_whose_server_goes_away_stores_nothing_and_says_so(zooter, done, filled, postgres, tmp_path):
    url = filled(postgres.database(), plain(5))
    many = [{"id": f"n{i}", "query": "x" * 500, "rewards": {"a": i}} for i in range(20000)]
    p = start(zooter, "import", "--store", url, "-", stdin=subprocess.PIPE)
    p.stdin.write(lines(many[:15000]))
    p.stdin.flush()
    postgres.restart("immediate")
    writer = write_and_close(p, lines(many[15000:]))
    writer.join()
    p.said = p.stderr.read()
    assert p.wait(60) == 1
    assert p.said.splitlines()[-1] == \
        (f"zooter import: -: nothing of it is stored: {shown(url)}: the server went away; what was stored before is "
         f"kept;"
                                       " run the command again"), p.said
    assert postgres.sql(url, "SELECT count(*) FROM queries") == "5"
    filled(url, many)
    assert postgres.sql(url, "SELECT (SELECT count(*) FROM queries), (SELECT count(*) FROM rewards)") == "20005|20000"


def write_and_close(p, text):
    """Writes and closes, whoever listens."""
    def write():
        with contextlib.suppress(BrokenPipeError):
            p.stdin.write(text)
        with contextlib.suppress(BrokenPipeError):
            p.stdin.close()
    thread = threading.Thread(target=write)
    thread.start()
    return thread


# ---- several at once

def test_imports_wait_for_each_other_and_for_no_collect(zooter, run, done, filled, postgres, upstream, config):
    url = filled(postgres.database(), plain(300, split="asked"))
    upstream.delay = {"a": 0.02, "b": 0.02}
    collect = start(zooter, "collect", "--store", url, "--config", config, "--per-expert", "4", "--split", "asked")
    first = start(zooter, "import", "--store", url, "-", stdin=subprocess.PIPE)
    first.stdin.write(lines({"id": f"first{i}", "query": "x", "rewards": {"e": 1}, "tags": ["k:v"]}
                            for i in range(10000)))
    first.stdin.flush()
    until(lambda: postgres.sql(url,
                               "SELECT count(*) FROM pg_locks WHERE mode = 'ShareRowExclusiveLock' AND relation = "
                               "'queries'::regclass") == "1", first)
    late = run("import", "--store", url, "-", input=lines(plain(1, split="asked")),
               env={**os.environ, "ZOOTER_DB_WAIT": "1"})
    assert late.returncode == 1 and "another process is importing" in late.stderr and \
        "run the command again" in late.stderr
    second = start(zooter, "import", "--store", url, "-", stdin=subprocess.PIPE)
    writer = write_and_close(second, lines({"id": f"{x}{i}", "query": "x", "rewards": {"e": 1}, "tags": ["k:v"]}
                                           for x in ("first", "second")
                                           for i in range(5000)))
    before = asked(upstream)
    until(lambda: asked(upstream) > before + 100, collect)          # which the open import does not hold up
    assert second.poll() is None
    first.stdin.close()
    for p in (first, second, collect):
        said = p.stderr.read()
        assert p.wait(60) == 0, said
        writer.join()
        if p is second:
            assert "5000 rows added, 0 updated, 5000 unchanged" in said
    assert postgres.sql(url, "SELECT count(*), count(DISTINCT id), max(key) FROM queries") == "15300|15300|15300"
    assert asked(upstream) == 600


def test_what_comes_between_refuses_the_file_and_no_row_of_it(zooter, filled, postgres):
    """An answer that a collect stores after the import has looked: no row is to blame,
    so --skip-bad leaves none out."""
    url = filled(postgres.database(), plain(5000, split="x") + [{"id": "q0", "rewards": {"a": 1}}])
    p = start(zooter, "import", "--store", url, "--skip-bad", "-", stdin=subprocess.PIPE)
    p.stdin.write(lines({"id": f"q{i}", "responses": {"a": "x"}} for i in range(4200)))
    p.stdin.flush()
    until(lambda: postgres.sql(url,
                               "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND query ~ "
                               "'experts|CLOSE'") == "1", p)
    time.sleep(0.3)
    postgres.sql(url,
                 "INSERT INTO answers (query, expert, sample, turn, text) SELECT min(q.key), min(e.key), 1, 1, 'y' "
                 "FROM queries q, experts e")
    p.stdin.write(lines({"id": f"q{i}", "responses": {"a": "x"}} for i in range(4200, 5000)))
    p.stdin.close()
    said = p.stderr.read()
    assert p.wait(60) == 1 and "left out" not in said, said
    assert "nothing of it is stored" in said and \
        "what another process has stored meanwhile says otherwise" in said and "run the command again" in said
    assert postgres.sql(url, "SELECT count(*) FROM answers") == "1"


def test_a_store_is_made_once_whoever_comes_first(zooter, postgres):
    url = postgres.database()
    many = [start(zooter, "import", "--store", url, "-", stdin=subprocess.PIPE) for _ in range(6)]
    for i, p in enumerate(many):
        p.stdin.write(lines([{"id": f"q{i}", "query": "x", "rewards": {"e": 1}}]))
        p.stdin.close()
    upgrades = [start(zooter, "store", "upgrade", "--store", url) for _ in range(3)]
    for p in many:
        said = p.stderr.read()
        assert p.wait(60) == 0, said
    for p in upgrades:
        said = p.stderr.read()
        assert p.wait(60) == 0 or "not a store: it is empty" in said, said
    assert postgres.sql(url,
                        "SELECT (SELECT count(*) FROM queries), (SELECT count(*) FROM experts), (SELECT count(*) FROM "
                        "zooter)") == "6|1|1"


def test_a_killed_import_leaves_the_store_as_it_was(zooter, done, filled, postgres, tmp_path):
    url = filled(postgres.database(), plain(5))
    many = tmp_path / "many.jsonl"
    many.write_text(lines({"id": f"n{i}", "query": "x" * 300, "rewards": {"a": i, "b": 1}, "tags": [f"k:{i % 7}"]}
                          for i in range(60000)))
    r = random.Random(1)
    for _ in range(5):
        p = start(zooter, "import", "--store", url, many)
        time.sleep(r.uniform(0.1, 0.6))
        p.send_signal(signal.SIGKILL)
        p.communicate()
        if p.returncode == 0:
            break
        assert postgres.sql(url,
                            "SELECT (SELECT count(*) FROM queries), (SELECT count(*) FROM rewards), (SELECT count(*) "
                            "FROM tags)") == "5|0|0"
    done("import", "--store", url, many)
    assert postgres.sql(url,
                        "SELECT (SELECT count(*) FROM queries), (SELECT count(*) FROM rewards), (SELECT count(*) FROM "
                        "tags)") == "60005|120000|7"


def test_ranks_read_one_store(mpirun, done, filled, postgres, backbones, tmp_path):
    items = list(rows(60))
    for name, store in (("file", tmp_path / "s.db"), ("url", postgres.database())):
        filled(store, items)
        p = finish(mpirun(["train", "--store", store, "--encoder", backbones / "bert", "--epochs", "2", "--batch", "8",
                           "--threads", "1", *FIXED,
                           "--out", tmp_path / name], n=2))
        assert p.returncode == 0, p.err
    assert (tmp_path / "file/model.safetensors").read_bytes() == (tmp_path / "url/model.safetensors").read_bytes()
