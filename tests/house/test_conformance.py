"""The store's conformance suite holds back ends to one another: a difference that is planted in one of them fails it.
That it passes without is seen wherever the unit tests run."""
import contextlib
import sys

import pytest

from conftest import ROOT, clean_env

sys.path.append(str(ROOT / "tests"))
import postgres  # noqa: E402

PROGRAM = ROOT / "build/release/tests/unit/store/test_conformance_lines"
AT = "query = NEW.query AND reward_model = NEW.reward_model AND expert = NEW.expert " \
     "AND sample = NEW.sample AND turn = NEW.turn"
SQLITE = {
    "a reward": f"CREATE TRIGGER planted AFTER INSERT ON rewards BEGIN UPDATE rewards SET value = value + 1e-9 WHERE "
                f"{AT}; END",
    "a name": "CREATE TRIGGER planted BEFORE INSERT ON query_tags WHEN NEW.position = 4 BEGIN SELECT RAISE(IGNORE); "
              "END",
}
POSTGRES = {
    "a reward": "CREATE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.value := NEW.value + "
                "1e-9; RETURN NEW; END $$; "
                "CREATE TRIGGER planted BEFORE INSERT ON rewards FOR EACH ROW EXECUTE FUNCTION planted()",
    "an order": 'ALTER TABLE experts ALTER name TYPE TEXT COLLATE "und-x-icu"',
}


def failed(call, **env):
    """Which back ends had a test that failed."""
    p = call(PROGRAM, env=clean_env(CMOCKA_MESSAGE_OUTPUT="TAP", **env))
    bad = [line for line in p.stdout.splitlines() if line.startswith("not ok") and "# SKIP" not in line]
    assert (p.returncode != 0) == bool(bad), p.stdout
    return {name for name in ("SQLite", "PostgreSQL") if any(line.endswith(f"on {name}") for line in bad)}


@pytest.fixture(scope="module")
def server():
    if not postgres.available():
        pytest.skip("needs PostgreSQL (Debian: postgresql)")
    with contextlib.closing(postgres.Server()) as s:
        yield s


@pytest.mark.parametrize("what", SQLITE)
def test_planted_in_sqlite(call, what):
    assert failed(call, ZOO_TEST_PLANT_SQLITE=SQLITE[what]) == {"SQLite"}


@pytest.mark.parametrize("what", POSTGRES)
def test_planted_in_postgresql(call, server, what):
    assert "PostgreSQL" in failed(call, ZOO_TEST_POSTGRES=server.url("postgres"),
                                  ZOO_TEST_PLANT_POSTGRES=POSTGRES[what])
