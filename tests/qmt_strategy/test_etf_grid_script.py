"""etf_grid.py itself, executed from its bytes as QMT does: thin, wrapped, and harmless where something is wrong."""

import ast
import os
import shutil
import subprocess
import sys

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STRATEGY = os.path.join(REPOSITORY, "qmt_strategy")
SCRIPT = os.path.join(STRATEGY, "etf_grid.py")
ENTRIES = ("init", "handlebar", "order_callback", "deal_callback", "orderError_callback")

with open(SCRIPT, "rb") as _file:
    RAW = _file.read()

PROGRAM = """
import io, os, sys
sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding='utf-8')
sys.path[:] = [p for p in sys.path if p]
sys.path[:0] = {packages!r}
sys.modules['requests'] = None
os.environ['QMT_SENTRY_HOME'] = {home!r}
class C(object):
    do_back_test = False
    def set_account(self, account): print('set_account', account)
    def is_last_bar(self): return True
    def get_full_tick(self, codes): return {{}}
def passorder(*args): print('passorder')
scope = {{'account': '2000567', 'get_trade_detail_data': lambda *args: [], 'passorder': passorder}}
exec(compile(open({script!r}, 'rb').read().decode('gbk'), '<string>', 'exec'), scope)
c = C()
{words}
scope['init'](c)
scope['handlebar'](c)
scope['order_callback'](c, object())
scope['deal_callback'](c, None)
scope['orderError_callback'](c, None, None)
print('alive')
"""


def run_script(home, packages, words=""):
    program = PROGRAM.format(packages=packages, home=home, script=SCRIPT, words=words)
    done = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=home)
    out = done.communicate(timeout=60)[0].decode("utf-8")
    assert done.returncode == 0, out
    return out.splitlines()


def tree():
    return ast.parse(RAW.decode("ascii"))


def test_it_begins_with_qmts_cookie_is_ascii_and_thin():
    assert RAW.startswith(b"#coding:gbk\n") and max(RAW) < 128 and b"\t" not in RAW
    assert len(RAW.splitlines()) < 110


def test_it_has_qmts_entry_points_and_never_names_its_own_file():
    functions = {node.name for node in tree().body if isinstance(node, ast.FunctionDef)}
    assert functions >= set(ENTRIES)
    assert "__file__" not in {node.id for node in ast.walk(tree()) if isinstance(node, ast.Name)}


def test_passorder_is_called_in_one_place_of_the_package():
    folder = os.path.join(STRATEGY, "dingtou")
    found = []
    for name in sorted(os.listdir(folder)):
        if name.endswith(".py"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                nodes = ast.walk(ast.parse(file.read()))
            found.extend(name for node in nodes if isinstance(node, ast.Str) and node.s == "passorder")
    assert found == ["placing.py"]


def test_it_runs_observes_as_installed_and_needs_no_requests(home):
    assert run_script(home, [STRATEGY]) == ["set_account 2000567", "alive"]


def test_the_package_is_found_in_the_sentrys_home(home):
    shutil.copytree(os.path.join(STRATEGY, "dingtou"), os.path.join(home, "dingtou"))
    assert run_script(home, [])[-2:] == ["set_account 2000567", "alive"]


def test_without_the_package_there_is_one_sentence(home):
    lines = run_script(home, [])
    assert len(lines) == 2 and "不会下单" in lines[0] and "请重新运行哨兵的安装程序" in lines[0]


def test_a_package_that_is_too_old_for_the_script_runs_and_is_not_believed(home):
    assert run_script(home, [STRATEGY], "scope['NEEDS'] = 99")[-1] == "alive"


def test_without_an_account_it_does_not_run(home):
    lines = run_script(home, [STRATEGY], "del scope['account']")
    assert len(lines) == 2 and "没有资金账号" in lines[0]
