"""The script file itself, and what the package may import: QMT is an old Python with one thread and no network."""

import ast
import glob
import os
import re
import subprocess
import sys

import pytest

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STRATEGY = os.path.join(REPOSITORY, "qmt_strategy")
SCRIPT = os.path.join(STRATEGY, "heartbeat.py")
FILES = sorted(glob.glob(os.path.join(STRATEGY, "*.py")) + glob.glob(os.path.join(STRATEGY, "dingtou", "*.py")))
ALLOWED = {
    "bisect",
    "calendar",
    "collections",
    "configparser",
    "contextlib",
    "csv",
    "datetime",
    "difflib",
    "dingtou",
    "errno",
    "functools",
    "hashlib",
    "io",
    "json",
    "math",
    "numpy",
    "os",
    "pandas",
    "re",
    "shutil",
    "sys",
    "time",
    "traceback",
    "typing",
    "uuid",
}


def read(path):
    with open(path, "rb") as file:
        return file.read()


def tree_of(path):
    return ast.parse(read(path).decode("utf-8"), path)


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("path", FILES, ids=os.path.basename)
def test_nothing_is_imported_that_qmt_may_lack_or_that_opens_a_socket_or_a_thread(path):
    assert set(imports(tree_of(path))) <= ALLOWED


@pytest.mark.parametrize("path", FILES, ids=os.path.basename)
def test_the_source_uses_no_syntax_newer_than_qmts_python(path):
    for node in ast.walk(tree_of(path)):
        assert type(node).__name__ not in ("NamedExpr", "Match", "TryStar", "TypeAlias")
        if isinstance(node, ast.arguments):
            assert not getattr(node, "posonlyargs", None)
        if isinstance(node, ast.ImportFrom):
            assert node.module != "__future__"
    assert not re.search(rb"""f["'][^"'\n]*\{[^}"'\n]*=\}""", read(path))
    if sys.version_info < (3, 7):
        compile(read(path), path, "exec")
    else:
        # An AST of today's parser may still hide what 3.6 refuses; on 3.8 and later it can be asked for 3.6's grammar.
        ast.parse(read(path).decode("utf-8"), path, feature_version=(3, 6))


def test_the_script_begins_with_qmts_cookie_and_is_ascii():
    raw = read(SCRIPT)
    assert raw.startswith(b"#coding:gbk\n")
    assert max(raw) < 128
    assert b"\t" not in raw


def test_the_script_is_thin():
    assert len(read(SCRIPT).splitlines()) < 100


def test_the_script_never_names_its_own_file():
    names = {node.id for node in ast.walk(tree_of(SCRIPT)) if isinstance(node, ast.Name)}
    assert "__file__" not in names


def run_script(home, site_packages, words):
    """The script exec'd as QMT does, in a Python of its own; returns what it printed."""
    program = (
        "import io, os, sys\n"
        "sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding='utf-8')\n"
        "sys.path[:] = [p for p in sys.path if p]\n"
        "sys.path[:0] = {packages!r}\n"
        "os.environ['QMT_SENTRY_HOME'] = {home!r}\n"
        "class C(object):\n"
        "    do_back_test = False\n"
        "    def set_account(self, account): print('set_account')\n"
        "    def run_time(self, *args): print('run_time')\n"
        "    def is_last_bar(self): return True\n"
        "    def get_full_tick(self, codes): return {{}}\n"
        "scope = {{'account': '2000567', 'get_trade_detail_data': lambda *args: []}}\n"
        "exec(compile(open({script!r}, 'rb').read().decode('gbk'), '<string>', 'exec'), scope)\n"
        "c = C()\n"
        "{words}\n"
        "for name in ('init', 'after_init', 'handlebar', 'heartbeat_timer'): scope[name](c)\n"
        "scope['deal_callback'](c, object())\n"
        "print('alive')\n"
    ).format(packages=site_packages, home=home, script=SCRIPT, words=words)
    done = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=home)
    out = done.communicate(timeout=60)[0].decode("utf-8")
    assert done.returncode == 0, out
    return out.splitlines()


def test_with_the_package_in_site_packages_it_runs(home, spooled):
    lines = run_script(home, [STRATEGY], "")
    assert lines == ["set_account", "run_time", "alive"]
    assert spooled.events("strategy.error") == []


def test_the_package_is_found_in_the_sentrys_home(home):
    import shutil

    shutil.copytree(os.path.join(STRATEGY, "dingtou"), os.path.join(home, "dingtou"))
    assert run_script(home, [], "")[-1] == "alive"
    assert run_script(home, [], "")[:2] == ["set_account", "run_time"]


def test_without_the_package_there_is_one_sentence_and_nothing_else(home, spooled):
    lines = run_script(home, [], "")
    assert len(lines) == 2 and lines[-1] == "alive"
    assert "dingtou 程序包用不了" in lines[0] and "请重新运行哨兵的安装程序" in lines[0]
    assert not os.path.exists(spooled.folder)


def test_somebody_elses_package_of_that_name_is_no_exception(home, tmp_path):
    (tmp_path / "other" / "dingtou").mkdir(parents=True)
    (tmp_path / "other" / "dingtou" / "__init__.py").write_text("strategy = 1\n")
    lines = run_script(home, [str(tmp_path / "other")], "")
    assert "dingtou 程序包用不了" in lines[0] and lines[1:] == ["alive"]


def test_a_package_that_is_too_old_says_what_to_do(home):
    lines = run_script(home, [STRATEGY], "scope['NEEDS'] = 99")
    assert "太旧（版本 2，脚本要 99）" in lines[0] and lines[1:] == ["alive"]


def test_a_package_that_is_damaged_is_no_exception(home, tmp_path):
    (tmp_path / "other" / "dingtou").mkdir(parents=True)
    (tmp_path / "other" / "dingtou" / "__init__.py").write_text("this is no python\n")
    assert run_script(home, [str(tmp_path / "other")], "")[1:] == ["alive"]
