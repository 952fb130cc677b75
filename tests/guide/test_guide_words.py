"""What docs/guide quotes (“…”) from a screen stands in the program that shows it, or is known to be somebody else's."""

import ast
import re

import pytest

from tests.guide.pages import ROOT, pages, text_of

PROGRAMS = ("tray_app/**/*.py", "receiver/receiver.py", "installer/*.py", "qmt_strategy/**/*.py")
TEXTS = ("receiver/deploy/*", "installer/setup.nsi", "installer/import-into-qmt.html")
# Words of Windows, of the vendors and of a browser. QMT's own stand in import-into-qmt.html.
OTHERS = """
Windows 安全中心; 应用和浏览器控制; 智能应用控制; Windows 已保护你的电脑; 更多信息; 仍要运行; 设置; 应用
Windows 更新; 使用时段; 帐户; 登录选项; 仅允许使用 Windows Hello 登录; 使计算机进入睡眠状态; 定时开机
要使用本计算机，用户必须输入用户名和密码; Permission denied; nano: command not found
添加群机器人; 消息推送; 一对一推送; 消息免打扰; 安全组; 证书不受信任
"""
OWN = {"格数 × 每格金额", "第一周", "运行 receiver.py 某某"}  # the guide's own words, in quotation marks
# Put together by the program: what it says with something else between.
JOINED = {
    "刚刚有消息": ["刚刚", "有消息"],
    "秒前有消息": ["秒前", "有消息"],
    "策略 heartbeat": ["策略 ", "heartbeat"],
    "已备份到 today.db（": ["已备份到 "],
    "已恢复：QMT 在运行": ["已恢复：", "QMT 在运行"],
}
MARK = re.compile(r"^[^\w（(]+ ")  # ❗, ✅ and their like


def words_of_the_programs():
    found = []
    for pattern in PROGRAMS:
        for path in sorted(ROOT.glob(pattern)):
            every = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
            unseen = {node.value for node in every if isinstance(node, ast.Expr)}  # docstrings
            found += [node.value for node in every if isinstance(node, ast.Constant) and node not in unseen]
    for pattern in TEXTS:
        found += [path.read_text(encoding="utf-8") for path in sorted(ROOT.glob(pattern))]
    return "\n".join(text for text in found if isinstance(text, str))


SAID = words_of_the_programs()
KNOWN = {one.strip() for one in re.split("[;\n]", OTHERS)} | OWN


def quoted(page):
    """Each quotation of the page without its mark, the machine's name and what differs from message to message."""
    for whole in re.findall("“([^”]+)”", text_of(page)):
        for part in re.split(r"：?…+| · mini-pc| → ", whole):
            part = MARK.sub("", part.strip()).rstrip("。")
            if part:
                yield part


@pytest.mark.parametrize("page", pages())
def test_what_the_guide_quotes_is_what_the_screen_says(page):
    missing = [part for part in quoted(page) if part not in KNOWN]
    missing = [part for part in missing if not all(piece in SAID for piece in JOINED.get(part, [part]))]
    assert missing == []


def test_no_word_is_excused_that_nobody_quotes():
    everything = {part for page in pages() for part in quoted(page)}
    assert sorted((KNOWN | set(JOINED)) - everything - {""}) == []
