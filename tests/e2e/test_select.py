"""zooter select: what overlaps with a benchmark never gets in, each tag gets its share,
the same command again changes nothing."""
import json
import random
import sqlite3
import unicodedata

import pytest


def words_of(text):
    """The rule in docs, written a second time: folded, decomposed, freed of punctuation; each CJK character a word."""
    words, is_open = [], False
    for ch in text:
        for c in unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", ch).casefold()):
            kind = unicodedata.category(c)
            if kind[0] == "Z" or c in "\t\n\v\f\r\x85":
                is_open = False
            elif kind[0] == "M":
                if words:
                    words[-1] += c
            elif kind[0] in "LN":
                is_cjk = "\u4e00" <= c <= "\u9fff" or "\u3040" <= c <= "\u30ff" or "\u3400" <= c <= "\u4dbf" or \
                    c in "\u3005\u3007"
                if is_cjk or not is_open:
                    words.append(c)
                else:
                    words[-1] += c
                is_open = not is_cjk
    return words


def runs_of(text, n=6):
    words = words_of(text)
    if 0 < len(words) < n:
        return {("whole", *words)}
    return {tuple(words[i:i + n]) for i in range(len(words) - n + 1)}


def write_rows(path, rows):
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    return path


def row(i, query, tags=(), split="pool"):
    return {"id": f"q{i}", "query": query, "rewards": {}, "tags": list(tags), "split": split}


def splits(store):
    with sqlite3.connect(store) as db:
        return dict(db.execute("SELECT id, split FROM queries"))


@pytest.fixture
def store(tmp_path, run):
    def make(rows, name="s.db"):
        p = run("import", "--store", tmp_path / name, write_rows(tmp_path / f"{name}.jsonl", rows))
        assert p.returncode == 0, p.stderr
        return tmp_path / name
    return make


VOCABULARY = ("the of and a to in is you that it he was for on are as with his they at be this have from or one had "
              "by word but "
              "not what all were we when your can said there use an each which she do how their if will up other "
              "about out many "
              "then them these so some her would make like him into time has look two more write go see number no way "
              "could "
              "people than first been call who oil its now find Straße ÉCOLE été don't x=3 ...").split()
CJK = "的一是不了人我在有他这为之大来以个中上们が語、。"


def random_text(rng):
    if rng.random() < 0.2:
        return "".join(rng.choice(CJK) for _ in range(rng.randint(1, 12)))
    words = [rng.choice(VOCABULARY[:4] if rng.random() < 0.85 else VOCABULARY) for _ in range(rng.randint(0, 25))]
    if rng.random() < 0.3:
        words = [w.upper() for w in words]
    return rng.choice([" ", "  ", "\n"]).join(words) + rng.choice(["", ".", "?!", " —"])


def test_nothing_selected_shares_a_run_with_a_benchmark(run, store, tmp_path):
    rng = random.Random(5)
    pool = [row(i, random_text(rng), [f"topic:{rng.randint(0, 9)}"]) for i in range(3000)]
    benchmark = [{"query": random_text(rng)} for _ in range(150)] + [{"query": "first",
                                                                      "turns": ["first", "the of and a to in is it"]}]
    lines = [random_text(rng).replace("\n", " ") for _ in range(50)]
    s = store(pool)
    write_rows(tmp_path / "b.jsonl", benchmark)
    (tmp_path / "b.txt").write_text("\n".join(["plain text"] + lines), encoding="utf-8")
    p = run("select", "--store", s, "--split", "pool", "--benchmark", tmp_path / "b.jsonl", tmp_path / "b.txt",
            "--into", "train",
            "--per-tag", "100000", "--report", tmp_path / "dropped.jsonl")
    assert p.returncode == 0, p.stderr
    forbidden = set()
    for text in [t for b in benchmark for t in [b["query"], *b.get("turns", [])]] + lines + ["plain text"]:
        forbidden |= runs_of(text)
    clean = {r["id"] for r in pool if not runs_of(r["query"]) & forbidden}
    assert 300 < len(clean) < 2700
    got = splits(s)
    assert {i for i in got if got[i] == "train"} == clean
    dropped = [json.loads(line) for line in open(tmp_path / "dropped.jsonl", encoding="utf-8")]
    assert {d["id"] for d in dropped} == set(got) - clean
    by_id = {r["id"]: r["query"] for r in pool}
    for d in dropped:
        shared = d["words"].split(" ")
        query = words_of(by_id[d["id"]])
        assert any(query[i:i + len(shared)] == shared for i in range(len(query)))
        assert len(shared) == min(6, len(query)) and d["line"] >= 1 and d["file"].endswith(("b.jsonl", "b.txt"))


def test_real_queries_against_real_benchmarks(run, tmp_path, shared):
    data = shared / "data"
    s = tmp_path / "s.db"
    assert run("import", "--store", s, "--split", "pool", data / "tags/just_eval.jsonl",
               data / "tags/alignbench_zh.jsonl", data / "tags/wizardlm_testset.jsonl").returncode == 0
    files = [data / "mt_bench/questions.jsonl", data / "vicuna_bench/questions.jsonl"]
    p = run("select", "--store", s, "--split", "pool", "--benchmark", *files, "--into", "train", "--per-tag", "1000000")
    assert p.returncode == 0, p.stderr
    forbidden = set()
    for f in files:
        for line in open(f, encoding="utf-8"):
            b = json.loads(line)
            for text in [b["query"], *b["turns"]]:
                forbidden |= runs_of(text)
    with sqlite3.connect(s) as db:
        rows = db.execute("SELECT id, text, split FROM queries").fetchall()
    assert {i for i, _, split in rows if split == "train"} == {i for i, text,
                                                               _ in rows if not runs_of(text) & forbidden}
    assert 50 < sum(split == "pool" for _, _, split in rows) < 500


def tagged_pool(n=400):
    rng = random.Random(1)
    return [row(i, f"query number {i}", {f"topic:{rng.randint(0, 19)}", f"task:{rng.randint(0, 4)}"} if i % 10
                else set())
            for i in range(n)]


def test_each_tag_gets_its_number(run, store):
    pool = tagged_pool()
    s = store(pool)
    p = run("select", "--store", s, "--split", "pool", "--into", "train", "--per-tag", "3", "--tags", "topic",
            "--untagged", "7")
    assert p.returncode == 0, p.stderr
    got = splits(s)
    train = [r for r in pool if got[r["id"]] == "train"]
    counts = {}
    for r in train:
        for t in r["tags"]:
            counts[t] = counts.get(t, 0) + 1
    assert all(counts[t] == 3 for t in {t for r in pool for t in r["tags"] if t.startswith("topic")})
    assert sum(not r["tags"] for r in train) == 7
    assert f"{20:10} distinct tags" in p.stdout and f"{67:10} queries are now in 'train'" in p.stdout


def test_the_seed_decides(run, store):
    pool = tagged_pool()
    a, b, c = store(pool, "a.db"), store(list(reversed(pool)), "b.db"), store(pool, "c.db")
    for s, seed in (a, 1), (b, 1), (c, 2):
        assert run("select", "--store", s, "--split", "pool", "--into", "train", "--per-tag", "3", "--seed",
                   seed).returncode == 0
    assert splits(a) == splits(b)
    assert splits(a) != splits(c)


def test_again_changes_nothing_and_another_draw_needs_replace(run, store):
    s = store(tagged_pool())
    args = ("select", "--store", s, "--split", "pool", "--into", "train", "--per-tag", "3")
    assert run(*args).returncode == 0
    first = splits(s)
    again = run(*args)
    assert again.returncode == 0 and splits(s) == first
    other = run(*args, "--seed", "2")
    assert other.returncode == 1 and "--replace puts them back into 'pool'" in other.stderr
    assert splits(s) == first
    assert run(*args, "--seed", "2", "--replace").returncode == 0
    second = splits(s)
    assert second != first
    assert run(*args, "--replace").returncode == 0
    assert splits(s) == first


def test_a_dry_run_writes_nothing(run, store):
    s = store(tagged_pool())
    before = s.read_bytes()
    p = run("select", "--store", s, "--split", "pool", "--into", "train", "--dry-run")
    assert p.returncode == 0 and "would be in 'train'" in p.stdout
    assert s.read_bytes() == before


def test_queries_in_no_split_are_the_default_pool(run, store):
    pool = tagged_pool(100)
    for r in pool[:60]:
        del r["split"]
    s = store(pool)
    assert run("select", "--store", s, "--into", "train", "--per-tag", "1000").returncode == 0
    got = splits(s)
    assert {i for i in got if got[i] == "train"} == {r["id"] for r in pool[:60] if r["tags"]}


@pytest.mark.parametrize("args, status, sentence", [
    (["--split", "pooll", "--into", "train"], 2, "no query is in the split 'pooll'; there is 'pool'"),
    (["--split", "pool", "--into", "pool"], 2, "cannot select from 'pool' into itself"),
    (["--split", "pool", "--into", "train", "--tags", "topic,nope"], 2, "'nope'; there are "),
    (["--into", "train"], 2, "every query is in a split already"),
    (["--split", "pool", "--into", "train", "--benchmark", "missing.jsonl"], 1, "missing.jsonl: No such file"),
    (["--split", "pool", "--into", "train", "--benchmark", "{tmp}/bad.jsonl"], 1, "bad.jsonl:2, column "),
    (["--split", "pool", "--into", "train", "--benchmark", "{tmp}/other.jsonl"], 1,
     "other.jsonl:1: 'query' is missing"),
    (["--split", "pool", "--into", "train", "--benchmark", "{tmp}/empty.txt"], 1, "empty.txt: holds no sample"),
    (["--split", "pool", "--into", "train", "--benchmark", "{tmp}"], 1, "a folder"),
    (["--split", "pool", "--into", "train", "--ngram", "0"], 2, "--ngram: 0 is outside 1 to 64"),
    (["--split", "pool", "--into", "a\nb"], 1, "split"),
    (["--split", "pool", "--into", "train", "b.jsonl"], 2, "benchmark files follow --benchmark"),
])
def test_wrong_use_is_explained_and_changes_nothing(run, store, tmp_path, args, status, sentence):
    s = store(tagged_pool(50))
    (tmp_path / "bad.jsonl").write_text('{"query": "x"}\n{"query": \n')
    (tmp_path / "other.jsonl").write_text('{"prompt": "x"}\n')
    (tmp_path / "empty.txt").write_text("\n\n")
    before = splits(s)
    p = run("select", "--store", s, *[a.replace("{tmp}", str(tmp_path)) for a in args])
    assert p.returncode == status, p.stderr
    assert sentence in p.stderr
    assert splits(s) == before


def test_a_missing_store_is_not_made(run, tmp_path):
    p = run("select", "--store", tmp_path / "none.db", "--into", "train")
    assert p.returncode == 1 and not (tmp_path / "none.db").exists()


def test_the_run_is_recorded(run, store):
    s = store(tagged_pool(50))
    assert run("select", "--store", s, "--split", "pool", "--into", "train", "--seed", "4").returncode == 0
    with sqlite3.connect(s) as db:
        command, settings, status, summary = \
            db.execute("SELECT command, settings, status, summary FROM runs").fetchone()
    assert (command, status) == ("select", "done")
    assert json.loads(settings)["seed"] == 4 and json.loads(summary)["candidates"] == 50
