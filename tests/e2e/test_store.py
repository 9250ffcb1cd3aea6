"""zooter import, export and store: rows in and out, rules, and what a kill,
a full disk or a wrong file leaves behind."""
import json
import os
import resource
import signal
import sqlite3
import subprocess
import threading
import time

import pytest


def row(id, query="q", rewards=None, **more):
    return {"id": id, "query": query, "rewards": {} if rewards is None else rewards, **more}


def lines(*rows):
    return "".join((r if isinstance(r, str) else json.dumps(r, ensure_ascii=False)) + "\n" for r in rows)


@pytest.fixture
def store(tmp_path):
    return tmp_path / "s.db"


@pytest.fixture
def imported(run, store):
    """imported(rows..., options...) -> the finished process; rows are dicts, or strings taken as they are."""
    def call(*rows, options=(), status=0, store=store):
        p = run("import", "--store", store, *options, "-", input=lines(*rows))
        assert p.returncode == status, p.stderr
        return p
    return call


@pytest.fixture
def exported(run, store):
    def call(*options, store=store):
        p = run("export", "--store", store, *options)
        assert p.returncode == 0, p.stderr
        return [json.loads(line) for line in p.stdout.split("\n")[:-1]]
    return call


def everything(run, store):
    return [run("export", "--store", store, "--what", what, *more).stdout
            for what, more in (("rows", ()), ("responses", ()), ("rewards", ()))]


# ---- round trips

def test_what_was_exported_imports_to_the_same_bytes(run, imported, tmp_path, store):
    imported(row("a", "1\n\u2028é😀\u0001\"\\/", {"m": 0.1, "org/x:7b": -3}, dataset="d", subset="s", split="train",
                 tags=["k:v", "plain", ":x", "k:", "tag:y:z", "subset:t"], turns=["a", {"b": [None, 1.5]}], n=10 ** 12),
             '{"id":"b","query":"","rewards":{"z":1e300,"a":5e-324,"m":0.30000000000000004},"raw":[ 1.50 , "\\u00e9" '
             ']}',
             row("c", tags=["later:1"], rewards={"late": 1, "early": 2}),
             # the store saw late and early first, export sees early first
             {"id": "a", "rewards": {"early": 3, "last": 4}},
             {"id": "a", "responses": {"m": "an\nsw\0er", "b": ""}},
             {"id": "c", "reward_model": "judge", "rewards": {"m": 7}})
    second = tmp_path / "second.db"
    for what, model in (("rows", ["--reward-model", "default"]), ("responses", []), ("rewards", [])):
        first = run("export", "--store", store, "--what", what, *model).stdout
        p = run("import", "--store", second, "-", input=first)
        assert p.returncode == 0, p.stderr
        assert run("export", "--store", second, "--what", what, *model).stdout == first
        assert first


def test_real_data_comes_back_as_it_was(run, shared, tmp_path):
    files = sorted((shared / "data").rglob("*.jsonl"), key=lambda f: ("responses" in f.name, f))
    assert len(files) > 10
    store, second = tmp_path / "a.db", tmp_path / "b.db"
    for f in files:
        p = run("import", "--store", store, f)
        assert p.returncode == 0, p.stderr
    for what, wanted in (("rows", False), ("responses", True)):
        text = run("export", "--store", store, "--what", what).stdout
        got = {r["id"]: r for r in map(json.loads, text.split("\n")[:-1])}
        for f in files:
            if ("responses" in f.name) == wanted:
                for line in f.open(encoding="utf-8", newline="\n"):
                    r = json.loads(line)
                    assert got[r["id"]] == r
        assert run("import", "--store", second, "-", input=text).returncode == 0
        assert run("export", "--store", second, "--what", what).stdout == text
    again = run("import", "--store", store, *files)
    assert again.returncode == 0 and "0 rows added, 0 updated" in again.stderr, again.stderr


# ---- the rules of a row

@pytest.mark.parametrize("bad, place, words", [
    ('{"id": "x", "query": "q"}', 1, "'rewards' is missing"),
    ('{"id": "x", "query": "q", "rewards": {"m": NaN}}', 44, "NaN and Infinity"),
    ('{"id": "x", "query": "q", "rewards": {"m": 1e999}}', 44, "too large"),
    ('{"id": "x", "query": "q", "rewards": {"not a name": 1}}', 39, "A-Z a-z 0-9"),
    ('{"id": "x", "query": "q", "rewards": {}, "tags": ["a", 1]}', 56, "'tags' should hold strings"),
    ('{"id": "x", "query": "q", "rewards": {"m": 1}', 46, "the line ends"),
    ('{"id": "x", "query": "é\\q', 24, "backslash"),
    ("\x00\x01\x02binary", 1, "0x00"),
    ('{"id": "nobody", "responses": {"m": "x"}}', 1, "no query with the id 'nobody'"),
    ('{"id": "a", "query": "other", "rewards": {}}', 22, "another query text"),
    ('{"id": "a", "query": "q", "rewards": {"m": 2}}', 39, "another reward of m (1)"),
    ('{"id": "a", "query": "q", "rewards": {}, "split": "test"}', 51, "another split"),
    ('{"id": "a", "query": "q", "rewards": {}, "subset": "t"}', 52, "another subset"),
    ('{"id": "a", "query": "q", "rewards": {}, "n": 2}', 47, "another 'n'"),
    ('{"id": "a", "responses": {"m": "no"}}', 27, "another response of m"),
])
def test_a_bad_row_refuses_its_file_with_line_and_column(run, imported, exported, store, tmp_path, bad, place, words):
    imported(row("a", rewards={"m": 1}, split="train", subset="s", n=1, responses={"m": "yes"}))
    before = everything(run, store)
    file = tmp_path / "rows.jsonl"
    file.write_text(lines(row("new", rewards={"fresh": 1}, tags=["k:v"]), "", bad, row("never")))
    p = run("import", "--store", store, file)
    assert p.returncode == 1
    assert f"{file}:3, column {place}: " in p.stderr and words in p.stderr, p.stderr
    assert everything(run, store) == before
    assert "fresh" not in run("store", "info", "--store", store).stdout

    p = run("import", "--store", store, "--skip-bad", file)
    assert p.returncode == 0 and "2 rows added" in p.stderr and "1 left out" in p.stderr and \
        f"{file}:3" in p.stderr, p.stderr
    assert [r["id"] for r in exported()] == ["a", "new", "never"]


def test_many_bad_rows_are_counted_and_the_first_are_named(imported):
    p = imported(*["junk"] * 50, row("a"), options=["--skip-bad"])
    assert "1 rows added" in p.stderr and "50 left out" in p.stderr
    assert p.stderr.count("not JSON") == 5


def test_a_cut_file_is_refused(run, store, tmp_path):
    file = tmp_path / "cut.jsonl"
    file.write_text(lines(*[row(f"q{i}", rewards={"m": i}) for i in range(100)])[:-20])
    p = run("import", "--store", store, file)
    assert p.returncode == 1 and ":100, column" in p.stderr
    assert run("export", "--store", store).stdout == ""


def test_a_line_has_an_end(run, store):
    p = run("import", "--store", store, "-", input='{"id": "' + "x" * (64 << 20) + '"}')
    assert p.returncode == 1 and "stdin:1" in p.stderr and "67108864 bytes" in p.stderr


def test_a_line_that_is_too_long_can_be_left_out(run, store, tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text(lines(row("a"), '{"id": "' + "x" * (65 << 20) + '"}', row("b"), "bad"))
    p = run("import", "--store", store, file)
    assert p.returncode == 1 and f"{file}:2: a line of over 67108864 bytes" in p.stderr, p.stderr
    p = run("import", "--store", store, "--skip-bad", file)
    assert p.returncode == 0 and "2 rows added" in p.stderr and "2 left out" in p.stderr, p.stderr
    assert f"left out: {file}:2: a line of over" in p.stderr and f"left out: {file}:4, column 1" in p.stderr, p.stderr
    assert [json.loads(x)["id"] for x in run("export", "--store", store).stdout.splitlines()] == ["a", "b"]


def test_null_is_as_if_it_were_not_there(imported, exported):
    imported('{"id": "a", "query": "q", "rewards": {"x": null, "y": 1}, "subset": null, "tags": null, "own": null}',
             '{"id": "b", "query": "q", "rewards": {"x": 2}, "tags": ["k:v", null], "split": null, "responses": {"y": '
             'null}}')
    assert exported() == [{"id": "a", "query": "q", "tags": [], "rewards": {"y": 1}, "own": None},
                          {"id": "b", "query": "q", "tags": ["k:v"], "rewards": {"x": 2}}]
    assert exported("--what", "responses") == []


def test_a_whole_number_is_an_id(imported, exported):
    p = imported('{"id": 17, "query": "q", "rewards": {"m": 1}}', '{"id": "17", "rewards": {"n": 2}}')
    assert "1 rows added, 1 updated" in p.stderr, p.stderr
    assert exported() == [{"id": "17", "query": "q", "tags": [], "rewards": {"m": 1, "n": 2}}]


def test_half_surrogates_are_mended_and_counted(run, imported, exported, tmp_path):
    p = imported('{"id": "a", "query": "cut \\ud83d", "rewards": {"m": 1}, "own": ["\\udc00", "\\ud83d\\ude00"]}',
                 row("b"))
    assert "2 half surrogates" in p.stderr and "became U+FFFD" in p.stderr, p.stderr
    assert exported()[0] == {"id": "a", "query": "cut \ufffd", "tags": [], "rewards": {"m": 1}, "own": ["\ufffd", "😀"]}
    assert "surrogate" not in imported(row("c")).stderr


def test_names_may_be_those_of_vertex_and_adapters(imported, exported):
    rewards = {"base+lora": 0, "claude-sonnet-4-5@20250929": 1}
    imported(row("a", rewards=rewards), {"id": "a", "reward_model": "judge@2", "rewards": {"base+lora": 3}})
    assert exported("--reward-model", "default")[0]["rewards"] == rewards
    assert exported("--reward-model", "judge@2")[0]["rewards"] == {"base+lora": 3}


def test_the_query_of_a_conversation_is_what_its_user_says_first(imported, exported):
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "one"},
                {"role": "user", "content": "two"}]
    imported({"id": "a", "messages": messages, "rewards": {}}, {"id": "b", "turns": ["first", "second"],
                                                                "rewards": {"m": 1}})
    assert exported() == [{"id": "a", "query": "one", "tags": [], "rewards": {}, "messages": messages},
                          {"id": "b", "query": "first", "tags": [], "rewards": {"m": 1}, "turns": ["first", "second"]}]


def test_kinds_of_tag_have_a_limit(run, imported, store):
    imported(row("a", tags=[f"k{i}:v" for i in range(999)]))
    imported(row("b", tags=["k0:w", "last:v"]))
    p = imported(row("c"), row("d", tags=["one-more:v"]), options=["--skip-bad"], status=1)
    assert "stdin:2: " in p.stderr and "1000 kinds" in p.stderr, p.stderr
    assert run("export", "--store", store).stdout.count("\n") == 2


def test_byte_order_mark_empty_lines_and_carriage_returns_are_fine(imported, exported):
    imported("\ufeff" + json.dumps(row("a")) + "\r", "", "  ", json.dumps(row("b")) + "\r")
    assert [r["id"] for r in exported()] == ["a", "b"]


def test_what_cannot_be_read_is_said_before_a_store_is_made(run, store, tmp_path):
    p = run("import", "--store", store, tmp_path / "missing.jsonl")
    assert p.returncode == 1 and "missing.jsonl: No such file" in p.stderr
    assert not store.exists()
    assert run("import", "--store", store, tmp_path).returncode == 1
    assert run("import", "--store", store).returncode == 2


# ---- the same id again

def test_importing_again_adds_what_is_new(imported, exported):
    imported(row("a", rewards={"m": 1}, tags=["k:1"], n=1), row("b"))
    p = imported(row("a", rewards={"m": 1, "x": 2}, tags=["k:2", "k:1"], n=1, more={"a": [1]}, split="train",
                     dataset="d"), row("b"), row("a", rewards={"x": 2}), row("c"))
    assert "1 rows added, 1 updated, 2 unchanged" in p.stderr and "1 rewards" in p.stderr, p.stderr
    a, b, c = exported()
    assert a == {"id": "a", "query": "q", "dataset": "d", "split": "train", "tags": ["k:1", "k:2"],
                 "rewards": {"m": 1, "x": 2}, "n": 1,
                 "more": {"a": [1]}}
    assert b == {"id": "b", "query": "q", "tags": [], "rewards": {}}


def test_spelling_alone_is_no_change(imported):
    imported('{"id": "a", "query": "\\u00e9", "rewards": {"m": 1.0}, "x": {"a": 1, "b": [2, 3]}}')
    p = imported('{"x":{"b":[2,3],"a":1},"rewards":{"m":1e0},"id":"a","query":"é"}')
    assert "1 unchanged" in p.stderr, p.stderr


def test_update_replaces(imported, exported):
    imported(row("a", "old", {"m": 1, "x": 5}, split="train", dataset="d", subset="s", tags=["k:1", "k:2", "other:o"],
                 n=1, keep=2, responses={"m": "old"}))
    p = imported(row("a", "new", {"m": 2}, split="test", subset="t", tags=["k:3"], n=[9], responses={"m": "new"}),
                 options=["--update"])
    assert "1 updated" in p.stderr
    assert exported() == [{"id": "a", "query": "new", "dataset": "d", "subset": "t", "split": "test",
                           "tags": ["other:o", "k:3"],
                           "rewards": {"m": 2, "x": 5}, "n": [9], "keep": 2}]
    assert exported("--what", "responses") == [{"id": "a", "responses": {"m": "new"}}]
    p = imported(row("a", "new", {"m": 2}, tags=["k:3"]), options=["--update"])
    assert "1 unchanged" in p.stderr


def test_duplicates_within_a_file_follow_the_same_rule(imported, exported):
    p = imported(row("a"), row("a", query="p"), status=1)
    assert "stdin:2, column" in p.stderr and "'a'" in p.stderr and "another query text" in p.stderr
    assert "1 unchanged" in imported(row("a"), row("a")).stderr
    imported(row("a", query="1"), row("a", query="2"), options=["--update"])
    assert exported()[0]["query"] == "2"


def test_split_and_reward_model_of_the_command(imported, exported, run, store):
    imported(row("a", rewards={"m": 1}, split="train"), row("b", rewards={"m": 3}),
             options=["--split", "dev", "--reward-model", "one"])
    imported(row("a", rewards={"m": 2}), {"id": "b", "rewards": {"m": 4}, "reward_model": "three"},
             options=["--reward-model", "two"])
    assert {r["split"] for r in exported("--reward-model", "one")} == {"dev"}
    assert [r["rewards"] for r in exported("--reward-model", "two")] == [{"m": 2}, {}]
    assert exported("--what", "rewards", "--reward-model", "three") == [{"id": "b", "reward_model": "three",
                                                                         "rewards": {"m": 4}}]
    assert len(exported("--what", "rewards")) == 4
    p = run("export", "--store", store)
    assert p.returncode == 2 and "several reward models" in p.stderr
    p = run("export", "--store", store, "--split", "nope", "--reward-model", "one")
    assert p.returncode == 2 and "'nope'" in p.stderr
    assert run("export", "--store", store, "--what", "all").returncode == 2
    assert run("import", "--store", store, "--reward-model", "a b", "-", input="").returncode == 2


def test_a_judge_and_a_grader_without_rewards_are_not_to_choose_among(imported, run, store):
    judgement = {"id": "a", "reward_model": "judge", "a": {"expert": "m"}, "b": {"expert": "n"}, "verdict": "a"}
    p = imported(row("a", rewards={"m": 1, "n": 2}, responses={"m": "no reference"}), judgement,
                 options=["--reward-model", "one"])
    assert "2 rewards, 1 responses, 1 judgements" in p.stderr
    assert run("reward", "--store", store).returncode == 0
    p = run("export", "--store", store)
    assert p.returncode == 0 and json.loads(p.stdout)["rewards"] == {"m": 1, "n": 2}, p.stderr
    p = run("store", "delete", "--store", store, "--reward-model", "judge", "--yes")
    assert p.returncode == 0 and "0 rewards, 1 judgements" in p.stderr
    p = run("store", "upgrade", "--store", store)
    assert p.returncode == 0 and "up to date" in p.stderr


def test_a_reader_that_leaves_is_one_sentence(zooter, imported, store):
    imported(*[row(f"q{i}", "text " * 100) for i in range(2000)])
    p = subprocess.Popen([zooter, "export", "--store", str(store)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdout.readline()
    p.stdout.close()
    assert p.wait(20) == 1
    assert p.stderr.read().decode().count("Broken pipe") == 1


# ---- files that are no store

def test_a_file_that_is_no_store_is_left_alone(run, tmp_path, imported, store):
    text, foreign, newer, folder = (tmp_path / n for n in ("text", "foreign.db", "newer.db", "folder"))
    text.write_text("not a store\n" * 1000)
    with sqlite3.connect(foreign) as db:
        db.execute("CREATE TABLE t (x)")
    imported(row("a"), store=newer)
    db = sqlite3.connect(newer)
    db.execute("PRAGMA user_version = 99")
    db.close()
    folder.mkdir()
    for path, words in ((text, "not a store"), (foreign, "another program"), (newer, "newer zooter"),
                        (folder, "not a regular file")):
        before = path.read_bytes() if path.is_file() else None
        for command in (["import", "--store", path, "-"], ["export", "--store", path],
                        ["store", "info", "--store", path],
                        ["store", "delete", "--store", path, "--split", "x", "--yes"]):
            p = run(*command, input="")
            assert p.returncode == 1 and words in p.stderr and str(path) in p.stderr, p.stderr
        assert before is None or path.read_bytes() == before
    p = run("export", "--store", tmp_path / "none.db")
    assert p.returncode == 1 and "no such store" in p.stderr
    assert sorted(f.name for f in tmp_path.iterdir()) == ["folder", "foreign.db", "newer.db", "text"]


def test_a_damaged_store_is_an_error_not_a_crash(run, imported, store):
    imported(*[row(f"q{i}", "text " * 50, {"m": i}) for i in range(500)])
    good = store.read_bytes()
    for cut in (len(good) // 2, 4096, 5000, 99):
        store.write_bytes(good[:cut])
        assert run("export", "--store", store).returncode == 1
    for at in range(4096, len(good), 4096 * 7):
        store.write_bytes(good[:at] + b"\xff\x07" * 1024 + good[at + 2048:])
        run("export", "--store", store)
        run("store", "info", "--store", store)


# ---- killed, full, at once

def rows_of(n, text=60):
    return lines(*[row(f"q{i}", f"{i} " + "word " * text, {f"m{j}": i * j for j in range(7)}, split="train",
                       tags=[f"k:{i % 10}"])
                   for i in range(n)])


def test_a_killed_import_leaves_the_store_as_it_was(run, zooter, imported, store, tmp_path):
    imported(row("old", rewards={"m": 1}, responses={"m": "x"}))
    before = everything(run, store)
    file, log = tmp_path / "rows.jsonl", tmp_path / "s.db-wal"
    file.write_text(rows_of(6000, text=4000))
    for size in (0, 1 << 20, 30 << 20, 60 << 20):        # killed when so much of it is on the disk already
        p = subprocess.Popen([zooter, "import", "--store", str(store), str(file)], stderr=subprocess.DEVNULL)
        while p.poll() is None and not (log.exists() and log.stat().st_size >= size):
            time.sleep(0.001)
        p.send_signal(signal.SIGKILL)
        assert p.wait() == -signal.SIGKILL               # it was not done yet
        assert everything(run, store) == before
        assert run("import", "--store", store, "-", input="").returncode == 0
    p = run("import", "--store", store, file)
    assert p.returncode == 0 and "6000 rows added" in p.stderr
    db = sqlite3.connect(store)
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    db.close()


def test_a_file_that_may_not_grow_leaves_the_store_as_it_was(run, imported, store):
    imported(row("old", rewards={"m": 1}))
    before = everything(run, store)
    p = run("import", "--store", store, "-", input=rows_of(20000),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)))
    assert p.returncode == 1 and "File too large" in p.stderr and p.stderr.count("\n") == 1, p.stderr
    assert everything(run, store) == before
    assert run("import", "--store", store, "-", input=rows_of(20000)).returncode == 0


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk],
                                      capture_output=True).returncode:
        pytest.skip("needs root")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_leaves_the_store_as_it_was(run, small_disk):
    store = small_disk / "s.db"
    assert run("import", "--store", store, "-", input=lines(row("old"))).returncode == 0
    before = everything(run, store)
    p = run("import", "--store", store, "-", input=rows_of(10000))
    assert p.returncode == 1 and "disk is full" in p.stderr and p.stderr.count("\n") == 1, p.stderr
    assert everything(run, store) == before
    p = run("store", "backup", "--store", store, small_disk / "copy.db")
    assert p.returncode == 0
    assert run("import", "--store", store, "-", input=lines(row("new"))).returncode == 0
    with open("/dev/full", "w") as full:
        p = subprocess.run([os.environ.get("ZOOTER", "build/zooter"), "export", "--store", store], stdout=full,
                           stderr=subprocess.PIPE)
    assert p.returncode == 1 and p.stderr.count(b"No space left") == 1


def test_imports_at_once_make_one_store(zooter, run, tmp_path):
    for n in range(5):
        store = tmp_path / f"{n}.db"
        started = [subprocess.Popen([zooter, "import", "--store", str(store), "-"], stdin=subprocess.PIPE,
                                    stderr=subprocess.PIPE)
                   for _ in range(8)]
        for i, p in enumerate(started):
            p.stdin.write(lines(*[row(f"{i}/{j}", rewards={f"m{i}": j}) for j in range(50)]).encode())
            p.stdin.close()
        for p in started:
            assert p.wait(60) == 0, p.stderr.read()
        assert run("export", "--store", store).stdout.count("\n") == 400


def test_reading_goes_on_while_an_import_runs(zooter, run, imported, store):
    imported(row("old"))
    p = subprocess.Popen([zooter, "import", "--store", str(store), "-"], stdin=subprocess.PIPE,
                         stderr=subprocess.DEVNULL)
    p.stdin.write(rows_of(3000).encode())
    p.stdin.flush()
    assert run("export", "--store", store).stdout.count("\n") == 1
    p.stdin.close()
    assert p.wait(60) == 0
    assert run("export", "--store", store).stdout.count("\n") == 3001


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_store_that_may_only_be_read_can_be_read(run, tmp_path, imported):
    folder = tmp_path / "read only?#%"
    folder.mkdir()
    store = folder / "s.db"
    imported(row("a"), store=store)
    for parent in list(tmp_path.parents)[:-1]:
        if parent.stat().st_uid == os.geteuid() and str(parent) != "/tmp":
            parent.chmod(0o755)
    tmp_path.chmod(0o755)
    folder.chmod(0o555)
    store.chmod(0o444)
    nobody = dict(user=65534, group=65534, extra_groups=[])
    p = run("export", "--store", store, **nobody)
    assert p.returncode == 0 and json.loads(p.stdout)["id"] == "a", p.stderr
    p = run("import", "--store", store, "-", input="", **nobody)
    assert p.returncode == 1 and "may not be written" in p.stderr


# ---- zooter store

def test_backup_while_others_write(run, imported, store, tmp_path):
    imported(*[row(f"old{i}", "text " * 4000) for i in range(3000)])
    stop = threading.Event()

    def write():                                 # a commit every millisecond or so
        db = sqlite3.connect(store, isolation_level=None, timeout=60)
        while not stop.is_set():
            db.execute("INSERT INTO runs (command, settings, started) VALUES ('test', '{}', '')")
        db.close()
    writer = threading.Thread(target=write)
    writer.start()
    try:
        for i in range(3):
            copy = tmp_path / f"copy{i}.db"
            p = run("store", "backup", "--store", store, copy)
            assert p.returncode == 0, p.stderr
            assert run("export", "--store", copy).stdout.count("\n") == 3000
            assert not list(tmp_path.glob("*.part*"))
    finally:
        stop.set()
        writer.join()
    p = run("store", "backup", "--store", store, copy)
    assert p.returncode == 2 and "--force" in p.stderr
    assert run("store", "backup", "--store", store, copy, "--force").returncode == 0
    assert everything(run, copy) == everything(run, store)
    p = run("store", "backup", "--store", store, store, "--force")
    assert p.returncode == 2 and "the store itself" in p.stderr
    assert run("store", "backup", "--store", store, tmp_path / "no" / "where.db").returncode == 1


EVERYTHING = ("rows", "responses", "rewards", "answers", "judgements")


def test_copy_makes_a_store_of_the_same_rows(run, imported, store, tmp_path):
    imported(row("a", "é", {"x": 1, "y": 2}, split="train", dataset="d", tags=["k:v"], responses={"x": "an\ns\0wer"},
                 costs={"x": 0.5}), row("b", rewards={"y": 1e300}, n=[1, {}]), row("c"),
             {"id": "a", "expert": "x", "sample": 2, "text": "t", "settings": {"temperature": 1},
              "scores": {"default": 3}},
             {"id": "b", "expert": "x", "failed": {"times": 2, "cause": "HTTP 500", "final": True}},
             {"id": "a", "reward_model": "judge", "a": {"expert": "x"}, "b": {"expert": "y"}, "verdict": "a"})
    to = tmp_path / "copy.db"
    p = run("store", "copy", "--from", store, "--to", to)
    assert p.returncode == 0 and f"rows of {store} into {to}" in p.stderr, p.stderr
    model = ["--reward-model", "default"]
    for what in EVERYTHING:
        options = ["--what", what, *(model if what == "rows" else [])]
        first = run("export", "--store", store, *options)
        assert first.returncode == 0 and first.stdout and run("export", "--store", to, *options).stdout == first.stdout
    assert run("store", "info", "--store", to).stdout == run("store", "info", "--store", store).stdout
    # its keys go on behind those copied
    assert imported(row("new", rewards={"z": 1}, tags=["k:w"]), store=to).returncode == 0

    before = to.read_bytes()
    p = run("store", "copy", "--from", store, "--to", to)
    assert p.returncode == 1 and f"{to}: has rows already" in p.stderr and to.read_bytes() == before
    p = run("store", "copy", "--from", tmp_path / "nil.db", "--to", tmp_path / "new.db")
    assert p.returncode == 1 and "nil.db" in p.stderr and not (tmp_path / "new.db").exists()
    assert run("store", "copy", "--from", store, "--to", tmp_path / "no" / "where.db").returncode == 1


def test_info_counts_failures_and_judgements_and_prints_any_mean_shortly(run, imported, store):
    imported(row("a", rewards={"x": 1.5e308, "y": -1e-280, "z": 0.25, "null": 0}), row("b", rewards={"x": 1.5e308}))
    text = run("store", "info", "--store", store).stdout
    assert "failures" not in text and "judgements" not in text and max(map(len, text.splitlines())) < 100
    means = {line.split()[0]: line.split()[2] for line in text.split("mean\n")[1].splitlines()}
    assert means == {"x": "1.5e+308", "y": "-1e-280", "z": "0.2500", "null": "0.0000"}
    imported({"id": "a", "expert": "x", "failed": {"times": 2, "cause": "c"}},
             {"id": "a", "reward_model": "judge", "a": {"expert": "x"}, "b": {"expert": "y"}, "verdict": "tie"})
    assert ", 1 failures, 1 judgements\n" in run("store", "info", "--store", store).stdout
    info = json.loads(run("store", "info", "--store", store, "--json").stdout)
    assert (info["failures"], info["judgements"]) == (1, 1)


def test_delete(run, imported, exported, store, tmp_path):
    for model in ("one", "two"):
        imported(*[row(f"q{i}", rewards={"x": 1, "y": 2}, split="train" if i % 2 else "test", tags=["k:v"])
                   for i in range(10)], options=["--reward-model", model])
    imported(*[{"id": f"q{i}", "responses": {"x": "a", "y": "b"}} for i in range(10)])

    def delete(*options, status=0):
        p = run("store", "delete", "--store", store, *options)
        assert p.returncode == status, p.stderr
        return p.stderr

    before = everything(run, store)
    assert "would delete 5 queries, 10 responses, 20 rewards" in delete("--split", "train", status=2)
    assert everything(run, store) == before
    assert "deleted 5 queries, 10 responses, 20 rewards" in delete("--split", "train", "--yes")
    assert "deleted 0 queries, 0 responses, 10 rewards" in delete("--reward-model", "two", "--yes")
    assert "deleted 0 queries, 5 responses, 5 rewards" in delete("--expert", "y", "--yes")
    ids = tmp_path / "ids"
    ids.write_text("q0\nnobody\n\nq2\n")
    stderr = delete("--ids", ids, "--yes")
    assert "deleted 2 queries, 2 responses, 2 rewards" in stderr and "1 ids are not in the store" in stderr
    assert [r["id"] for r in exported()] == ["q4", "q6", "q8"]
    assert exported()[0]["rewards"] == {"x": 1}
    for options in (["--split", "train"], ["--expert", "y"], ["--reward-model", "two"]):
        assert "info" in delete(*options, "--yes", status=2)
    delete(status=2)
    delete("--split", "test", "--expert", "x", status=2)
    info = json.loads(run("store", "info", "--store", store, "--json").stdout)
    assert info["splits"] == [{"name": "test", "queries": 3}]
    assert info["experts"] == [{"name": "x", "responses": 3}]
    assert info["reward_models"] == [{"name": "one", "expert": "x", "mean": 1.0, "rewards": 3}]
    assert run("store", "upgrade", "--store", store).returncode == 0


def test_wrong_use_of_store(run, store):
    for words in (["frobnicate"], ["info", "x"], ["backup"], ["info", "--yes"], ["backup", "x", "--split", "y"], []):
        assert run("store", *words, "--store", store).returncode == 2


@pytest.mark.parametrize("words, sentence", [
    (["info"], "info needs --store STORE"),
    (["info", "--store", "s.db", "--from", "x"], "info does not take --from"),
    (["upgrade", "--store", "s.db", "--split", "x"], "upgrade does not take --split"),
    (["copy", "--store", "s.db"], "copy does not take --store, but --from and --to"),
    (["copy", "--from", "s.db"], "copy needs --from STORE and --to STORE"),
    (["copy", "--from", "s.db", "--to", "t.db", "--force"], "copy does not take --force"),
    (["copy", "--from", "s.db", "--to", "t.db", "u.db"], "copy takes no FILE"),
    (["cpoy"], "there are info, backup, copy, delete, upgrade"),
])
def test_an_action_says_which_options_it_takes(run, words, sentence, tmp_path):
    p = run("store", *words, cwd=tmp_path)
    assert p.returncode == 2 and sentence in p.stderr, p.stderr
    assert not list(tmp_path.iterdir())
