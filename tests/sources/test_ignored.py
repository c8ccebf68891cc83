import pytest

from qstash_dev.sources.ignored import Ignored
from qstash_dev.sources.tree import list_files


def write(root, *names, text=""):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def root(tmp_path):
    write(tmp_path, ".gitignore", text="*.log\n/build/\ngenerated/\n!keep.log\n")
    write(tmp_path, "web/.gitignore", text="secret.ts\n!debug.log\n")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("app.py", False),
        ("server.log", True),
        ("keep.log", False),
        ("build/main.js", True),
        ("web/build/main.js", False),  # "/build/" is anchored at the top
        ("web/generated/client.ts", True),
        ("web/secret.ts", True),
        ("secret.ts", False),  # only web/.gitignore says so
        ("web/debug.log", False),  # the deeper file decides
        ("node_modules/left-pad/index.js", True),
        ("apps/a/.next/server.js", True),
        (".git/HEAD", True),
        (".env.local", False),
        ("web/generated/keep.log", True),  # its directory is ignored
    ],
)
def test_what_is_no_source(root, path, expected):
    assert Ignored(root).covers(root / path) is expected


def test_env_files_count_although_git_ignores_them(tmp_path):
    write(tmp_path, ".gitignore", text=".env*\n")
    assert not Ignored(tmp_path).covers(tmp_path / ".env.local")


def test_our_own_files_never_count(tmp_path):
    ignored = Ignored(tmp_path, [tmp_path / "state", tmp_path / "server.log.py"])
    assert ignored.covers(tmp_path / "state" / "messages.py")
    assert ignored.covers(tmp_path / "server.log.py")


def test_the_repository_around_the_tree_has_a_say(tmp_path):
    write(tmp_path, ".gitignore", text="*.gen.ts\n")
    (tmp_path / ".git").mkdir()
    web = tmp_path / "apps" / "web"
    web.mkdir(parents=True)
    assert Ignored(web).covers(web / "api.gen.ts")


def test_an_edited_gitignore_counts_after_forget(tmp_path):
    ignored = Ignored(tmp_path)
    assert not ignored.covers(tmp_path / "a.ts")
    write(tmp_path, ".gitignore", text="a.ts\n")
    ignored.forget()
    assert ignored.covers(tmp_path / "a.ts")


def test_the_files_of_a_tree_are_code_that_is_not_ignored(root):
    write(
        root,
        *("app/api/x/route.ts", "main.py", "web/secret.ts", "build/a.js", "README.md"),
        "node_modules/m/index.js",
    )
    assert list_files(Ignored(root)) == ("app/api/x/route.ts", "main.py")


def test_a_tree_without_end_is_listed_in_part(tmp_path):
    write(tmp_path, *(f"d{number}/main.py" for number in range(20)))
    assert len(list_files(Ignored(tmp_path))) == 20
    assert 0 < len(list_files(Ignored(tmp_path), limit=10)) <= 10
