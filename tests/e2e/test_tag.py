"""zooter tag: tags from a field and by clustering; exact, repeatable, all or nothing."""
import json
import random
import sqlite3
import subprocess
import time

import pytest


def write_rows(path, rows):
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    return path


@pytest.fixture
def store(tmp_path, run):
    def make(rows, name="s.db"):
        p = run("import", "--store", tmp_path / name, write_rows(tmp_path / f"{name}.jsonl", rows))
        assert p.returncode == 0, p.stderr
        return tmp_path / name
    return make


def tags(store, kind):
    """{id: [values]} of the queries that have such tags."""
    out = {}
    with sqlite3.connect(store) as db:
        for i, value in db.execute("SELECT q.id, t.value FROM queries q JOIN query_tags x ON x.query = q.key JOIN "
                                   "tags t"
                                   " ON t.key = x.tag WHERE t.kind = ? ORDER BY q.key, x.position", (kind,)):
            out.setdefault(i, []).append(value)
    return out


def row(i, query="q", **extra):
    return {"id": f"q{i}", "query": query, "rewards": {}, **extra}


def test_every_type_of_field_becomes_tags(run, store):
    s = store([row(0, f="text"), row(1, f=3), row(2, f=2.5), row(3, f=["a", "b", 7, "a"]), row(4, f=True),
               row(5, f=None), row(6, f=""), row(7), row(8, f=[]), row(9, f="中文: x")])
    p = run("tag", "--store", s, "--from-column", "f", "--kind", "level")
    assert p.returncode == 0, p.stderr
    assert tags(s, "level") == {"q0": ["text"], "q1": ["3"], "q2": ["2.5"], "q3": ["a", "b", "7"], "q4": ["true"],
                                "q9": ["中文: x"]}
    assert "6 of 10 queries now have a tag of the kind 'level', 9 tags in all; 4 have no 'f'" in p.stdout


def test_tags_of_the_kind_are_replaced_and_others_stay(run, store):
    s = store([row(0, f="new", g="other", tags=["f:old", "topic:law"]), row(1, tags=["f:old", "topic:art"]),
               row(2, f="new", split="test", tags=["f:kept"])])
    with sqlite3.connect(s) as db:
        db.execute("UPDATE queries SET split = 'train' WHERE split IS NULL")
    assert run("tag", "--store", s, "--from-column", "f", "--split", "train").returncode == 0
    assert tags(s, "f") == {"q0": ["new"], "q2": ["kept"]}
    assert tags(s, "topic") == {"q0": ["law"], "q1": ["art"]}


@pytest.mark.parametrize("rows, args, status, sentence", [
    ([row(0, f="x"), row(1, f={"a": 1})], ["--from-column", "f"], 1,
     "query 'q1', field 'f': an object cannot be a tag"),
    ([row(0, f="x"), row(1, f=[["a"]])], ["--from-column", "f"], 1, "query 'q1', field 'f': an array cannot be a tag"),
    ([row(0, f="x"), row(1, f="y" * 1025)], ["--from-column", "f"], 1, "query 'q1'"),
    ([row(0, f="x"), row(1, f="a\nb")], ["--from-column", "f"], 1, "query 'q1'"),
    ([row(0, f="x"), row(1, f=list(range(1001)))], ["--from-column", "f"], 1, "over 1000 tags"),
    ([row(0, f="x", g=1)], ["--from-column", "h"], 2,
     "no query has a field 'h' beside the usual ones; there are: 'f', 'g'"),
    ([row(0)], ["--from-column", "h"], 2, "no such field at all"),
    ([row(0, f="x")], ["--from-column", "f", "--split", "no"], 2, "no query is in the split 'no'"),
    ([row(0, f="x")], ["--from-column", "f", "--kind", "a:b"], 2, "kind"),
    ([row(0, f="x")], [], 2, "give either --from-column FIELD or --cluster K"),
    ([row(0, f="x")], ["--from-column", "f", "--cluster", "3"], 2, "give either --from-column FIELD or --cluster K"),
    ([row(0, f="x")], ["--cluster", "0"], 2, "--cluster: '0' is neither auto nor 1 to 10000"),
    ([row(0, f="x")], ["--cluster", "3x"], 2, "neither auto"),
    ([row(0, f="x")], ["--cluster", "3"], 2, "3 groups are too many"),
    ([row(0, f="x")], ["--cluster", "3", "--split", "no"], 2, "no query is in the split 'no'"),
])
def test_what_cannot_be_done_is_explained_and_changes_nothing(run, store, rows, args, status, sentence):
    s = store(rows)
    p = run("tag", "--store", s, *args)
    assert p.returncode == status, p.stderr
    assert sentence in p.stderr
    with sqlite3.connect(s) as db:
        assert db.execute("SELECT count(*) FROM query_tags").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM runs").fetchone() == (0,)


TOPICS = {
    "law": "court judge verdict appeal statute lawyer contract liability plaintiff crime".split(),
    "sea": "wave tide ocean ship harbour sailor anchor coral storm whale".split(),
    "code": "python function loop variable compile string integer class debug array".split(),
    "food": "recipe flour oven butter salt bake soup onion garlic dinner".split(),
    "中": list("法律社会经济国家中国历史文化教育"),
}


def topic_rows(n=1000):
    rng = random.Random(3)
    rows = []
    for i in range(n):
        topic = rng.choice(list(TOPICS))
        words = [rng.choice(TOPICS[topic]) for _ in range(8)] + [rng.choice("the of a to is".split()) for _ in range(4)]
        rng.shuffle(words)
        rows.append(row(i, " ".join(words), topic=topic, level=i % 7, split="train" if i % 4 else "test"))
    return rows


def test_clusters_find_topics_and_say_what_they_are_about(run, store):
    rows = topic_rows()
    s = store(rows)
    p = run("tag", "--store", s, "--cluster", "5")
    assert p.returncode == 0, p.stderr
    got = tags(s, "cluster")
    assert len(got) == 1000
    members = {}
    for r in rows:
        members.setdefault(got[r["id"]][0], []).append(r["topic"])
    assert set(members) == {f"c00{i}" for i in range(1, 6)}
    sizes = [len(members[c]) for c in sorted(members)]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(max(m.count(t) for t in TOPICS) for m in members.values()) > 950
    for c, m in members.items():
        topic = max(TOPICS, key=m.count)
        line = next(line for line in p.stdout.splitlines() if line.startswith(c))
        assert line.split()[1] == str(len(m))
        if topic != "中":
            assert set(line.split()[2:]) <= set(TOPICS[topic])


def test_clustering_depends_on_the_seed_and_not_on_threads(run, store):
    s = store(topic_rows())
    got = []
    for args in (["--threads", "1"], ["--threads", "3"], ["--seed", "2"]):
        p = run("tag", "--store", s, "--cluster", "30", "--kind", "k", *args)
        assert p.returncode == 0, p.stderr
        got.append(tags(s, "k"))
    assert got[0] == got[1] != got[2]


def test_only_the_split_is_clustered_and_auto_is_a_hundredth(run, store):
    rows = topic_rows()
    s = store(rows)
    p = run("tag", "--store", s, "--cluster", "auto", "--split", "train")
    assert p.returncode == 0, p.stderr
    assert "750 queries in 7 groups (cluster:c001..c007)" in p.stdout
    assert set(tags(s, "cluster")) == {r["id"] for r in rows if r["split"] == "train"}


def test_queries_without_known_words_get_no_tag(run, store):
    s = store(topic_rows(200) + [row(998, ""), row(999, "zzz qqq")])
    p = run("tag", "--store", s, "--cluster", "4")
    assert p.returncode == 0 and "2 queries share no word with others: no tag" in p.stdout
    assert not {"q998", "q999"} & set(tags(s, "cluster"))


def test_groups_that_stay_empty_are_not_named(run, store):
    s = store([row(i, "sun and moon" if i % 3 else "salt and pepper") for i in range(60)])
    p = run("tag", "--store", s, "--cluster", "5")
    assert p.returncode == 0 and "60 queries in 2 groups (cluster:c001..c002)" in p.stdout
    assert {t for v in tags(s, "cluster").values() for t in v} == {"c001", "c002"}


def test_a_dry_run_writes_nothing(run, store):
    s = store(topic_rows(200))
    for args in (["--cluster", "4"], ["--from-column", "topic"]):
        assert run("tag", "--store", s, *args, "--dry-run").returncode == 0
    with sqlite3.connect(s) as db:
        assert db.execute("SELECT count(*) FROM query_tags").fetchone() == (0,)


def test_a_killed_run_leaves_the_tags_as_they_were(run, store, zooter):
    s = store(topic_rows(20000))
    assert run("tag", "--store", s, "--from-column", "topic", "--kind", "k").returncode == 0
    before = tags(s, "k")
    after = {f"q{i}": [str(i % 7)] for i in range(20000)}
    killed = 0
    for wait in (0.05, 0.1, 0.2, 0.4):
        p = subprocess.Popen([zooter, "tag", "--store", s, "--from-column", "level", "--kind", "k"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(wait)
        killed += p.poll() is None
        p.kill()
        p.wait()
        now = tags(s, "k")
        assert now in (before, after)
        if now == after:
            break
    assert killed > 0


def test_the_run_is_recorded(run, store):
    s = store(topic_rows(200))
    assert run("tag", "--store", s, "--cluster", "4", "--seed", "7").returncode == 0
    with sqlite3.connect(s) as db:
        command, settings, status, summary = \
            db.execute("SELECT command, settings, status, summary FROM runs").fetchone()
    assert (command, status) == ("tag", "done")
    assert json.loads(settings)["seed"] == 7 and json.loads(summary)["tagged"] == 200
