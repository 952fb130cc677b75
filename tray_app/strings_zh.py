"""What the owner reads: menu, reasons, answers. One place, so that the words stay the same everywhere."""

from __future__ import annotations

from typing import Sequence

NAME = "QMT 哨兵"
ALL_WELL = "一切正常"
NOT_NOW = "现在不是交易时间"

# The menu
RESTART_HEARTBEAT = "重启心跳"
OPEN_DASHBOARD = "打开看板"
TEST_ALERT = "发送测试告警"
STOP = "停止下单"
RESUME = "恢复下单"
SETTLE = "处理未知委托"
NOTHING_UNKNOWN = "处理未知委托（没有）"
PAUSE = "暂停（到下次开盘前）"
CONTINUE = "继续"
SHOW_LOGS = "查看日志"
PAIR = "粘贴配对码…"
DIAGNOSE = "保存诊断包"
QUIT = "退出"

# Answers to a click
NO_ANSWER_YET = "2 秒内还没有等到接收端的答复。"
NOT_STORED = "没有存下：{why}"
PAUSED_UNTIL = "已暂停，到 {time} 自动继续。"
CONTINUED = "已继续。"
UNTOLD = "{what}但没能记下要告诉接收端的消息：{why}"
TEST_TEXT = "这是一条测试告警：收到它，说明从小主机到手机的路是通的。"
LAST_RESORT_TEST = "✅ 测试 · {machine}\n这条由小主机直接发出，不经过接收端：接收端没了，就靠这条路告诉您。"
LAST_RESORT_SENT = "最后手段也发了一条。"
LAST_RESORT_FAILED = "最后手段没有发出：{why}。"
TEST_SENT = "测试告警已交给接收端，请看手机。"
TEST_WAITING = "测试告警已存下，连上接收端后就送出：{answer}"

STUCK = "哨兵自己卡住了，这里显示的可能是旧的：请点“退出”，再从开始菜单打开它。"
RESTARTED = "哨兵的“{name}”意外停止，已自动重启。"
STANDS = "哨兵的{part} {seconds:.0f} 秒没有动静，已自动重启（第 {count} 次）。"
PARTS = {  # the workers, as the receiver calls them too, and the icon's two threads
    "sender": "发送",
    "spool": "收策略消息",
    "flags": "看委托记录",
    "qmt": "看 QMT",
    "host": "看小主机",
    "inbox": "收旧脚本消息",
    "health": "看磁盘和时钟",
    "qmt-log": "看 QMT 日志",
    "last-resort": "最后手段",
    "ticker": "画图标",
    "clicks": "执行菜单",
}


def parts(names: Sequence[str]) -> str:
    """Workers by their Chinese names, each in quotation marks."""
    return "、".join(f"“{PARTS.get(name, name)}”" for name in names)


UNPAIRED = "还没有配对，请右键点图标，选“粘贴配对码…”"

STOPPED = "已停止下单：策略不下新单，未成交的委托会撤掉。恢复请点“恢复下单”。"
STOP_DONE = "已停止下单：策略不下新单，未成交的委托会撤掉。"
RESUME_DONE = "已恢复下单：策略可以再下单了。"
STOP_STAYS = "没有做成（{why}）：请检查 control 文件夹的权限和磁盘。"

# 处理未知委托
ANSWERED = "已答复，等策略处理"
CHANGE_ANSWER = "要改就在下面再选一次。"
LOOK_FIRST = "先在 QMT 的委托里查它，再选结果："
LOOK_IN_HISTORY = "先在 QMT 的历史委托里查它，再选结果："
DID_NOTHING = "没有成交"
DID_ALL = "全部成交"
DID_PART = "部分成交…"
DID_CANCEL = "已撤单"
NOTHING_MEANS = "这笔委托不存在或成了废单，一股都没成。"
ALL_MEANS = "股数不是这么多，就选“部分成交…”。"
CANCEL_MEANS = "撤单前一股都没成；成过就选“部分成交…”。"
CONFIRM = "确认：{words}"
ANSWER_DONE = "已写下答复：{flag} {words}。策略会按它记账。"
ANSWER_GONE = "{flag} 已经有结果了，不用再答复。"
NOT_ANSWERED = "没有写下答复。"
ALREADY_ASKING = "哨兵的一个窗口已经打开，或正在保存诊断包：请先把它做完。"
ASK_FAILED = "输入框出错（{why}），没有做成，原因在日志里。"
NO_DIALOG = "这台电脑弹不出输入框。请新建文件 {path}，内容照抄并改数字：{text}"
DIALOG_TITLE = "QMT 哨兵：部分成交"
DIALOG_TEXT = (
    "委托 {flag}，{name}。\n"
    "在 QMT 的委托里查到它一共成交了多少股、均价多少，填在下面。其余部分应已撤单或作废；"
    "还挂着的，请先在 QMT 里撤掉。\n{problem}"
)
SHARES_LABEL = "成交股数"
PRICE_LABEL = "成交均价（不知道就留空）"
OK_LABEL = "写下答复"
CANCEL_LABEL = "取消"

# 粘贴配对码
PAIR_TITLE = "QMT 哨兵：配对"
PAIR_TEXT = "在服务器上运行 receiver.py pair 名字，复制 QS1. 开头的那一整行，粘贴在下面。"
CODE_LABEL = "配对码"
PAIR_LABEL = "配对"
CLOSE_LABEL = "知道了"
NO_CODE = "这不是配对码：请在服务器上运行 receiver.py pair 名字，复制 QS1. 开头的那一整行。"
NEWER_CODE = "这个配对码是给更新版本的哨兵用的：请先升级小主机上的哨兵，再粘贴一次。"
BROKEN_CODE = "这不是完整的配对码：请把 QS1. 开头的那一行从头到尾重新复制一次。"
PAIRED = "已配对并连上接收端（{where}，{machine}）{but}。"
PAIR_BUT = "；但接收端说：{why}"
PAIR_NOT_REACHED = "配对码已写入，但现在连不上 {where}：{why}；接收端起来后会自动连上。"
PAIR_OTHER_CERTIFICATE = (
    "{where} 的证书和配对码里的不一样，没有配对（码旧了，或有人冒充）：请在服务器上重新运行 receiver.py pair 名字。"
)
PAIR_BAD_CERTIFICATE = "{where} 的证书不可信，没有配对：请核对这台电脑的时间和接收端的网址。"
PAIR_UNKNOWN_TOKEN = (
    "{where} 不认这个配对码，没有配对：等几秒再粘贴一次；还不行就重启接收端（systemctl restart qmt-sentry）。"
)
NOT_PAIRED = "没有配对，设置没有改动。"
NO_PAIR_DIALOG = "这台电脑弹不出输入框：请把配对码存成文件，运行 python -m tray_app --pair-file 文件。"

# 保存诊断包
DIAGNOSIS_SAVED = "诊断包已存为 {path}：令牌、密码和账号已隐去，可以发给帮您查问题的人。"
DIAGNOSIS_FAILED = "诊断包没有存下（{why}）：请检查 {folder} 的权限和磁盘。"

# Starting and stopping
ALREADY_RUNNING = "QMT 哨兵已经在运行（{home}），这次启动到此结束。"
CRASHED = "QMT 哨兵意外停止，原因在 {logs}。"
BAD_OPTION = "启动参数不对（{why}）：用 --help 看可用的参数。"
NO_FOLDER = "不能使用文件夹 {home}（{why}）：请检查权限和磁盘，或用 --home 指定别的文件夹。"
BROKEN_PROGRAM = "QMT 哨兵不完整（{why}）：请重新运行安装程序。"

# --shutdown
NOT_RUNNING = "QMT 哨兵没有在运行（{home}）。"
HAS_STOPPED = "QMT 哨兵已退出（{home}）。"
DID_NOT_STOP = "QMT 哨兵在 {seconds:.0f} 秒内没有退出：请在任务管理器里结束它，再试一次。"

# The planned shutdown
CANCEL_SHUTDOWN = "取消关机"
SHUTDOWN_AT = "这台电脑将在 {time} 关机（计划）：不想关就点“取消关机”。"
SHUTDOWN_SOON = "两分钟后关机：不想关就右键点哨兵图标，选“取消关机”。"
SHUTDOWN_COMMENT = "QMT 哨兵：今天的交易已经结束，两分钟后关机。不想关就右键点哨兵图标，选“取消关机”。"
SHUTDOWN_ASKED = "已请正在运行的哨兵检查委托和发件箱，没有问题就会在两分钟后关机。"
SHUTDOWN_UNASKED = "QMT 哨兵没有在运行，没有人检查委托，所以不关机：请先启动哨兵，或自己关机。"
NO_SHUTDOWN_DAY = "今天不是交易日，不按计划关机。"
NO_SHUTDOWN_YET = "今天还没有收盘，不关机。"
NO_SHUTDOWN_STUCK = "没有按计划关机：哨兵看不到委托现在怎样，请打开 QMT 核对。"
NO_SHUTDOWN_ORDERS = "没有按计划关机：还有 {count} 笔委托没有结果（{first}），请先在 QMT 里查清。"
NO_SHUTDOWN_OUTBOX = "没有按计划关机：发件箱有问题（{why}），请到小主机上看看。"
NO_SHUTDOWN_UNSENT = "没有按计划关机：还有 {count} 条消息没有送到接收端，请检查网络。"
SHUTDOWN_FAILED = "没有按计划关机：Windows 不接受（{why}），请自己关机。"
CANCELLED = "已取消关机。"
CANCEL_FAILED = "关机没有取消（{why}）：请在命令行里运行 shutdown /a。"
ONLY_WINDOWS = "只有 Windows 上能这样关机"

# --selftest
SELFTEST_WELL = "自检通过：QMT 哨兵 {version} 可以运行。"
SELFTEST_BAD = "自检没有通过（{names}）：请重新运行安装程序；仍不行就把上面几行发给帮您的人。"
NO_REPORT = "结果写不进 {path}（{why}）：请检查文件夹和磁盘。"

# --doctor
DOCTOR_TITLE = "QMT 哨兵：检查设置"
DOCTOR_WELL = "没有要改的地方。"
DOCTOR_FIX = "有 {count} 处要改，请按上面写的做，做完再查一次。"
DOCTOR_WRITTEN = "以上也写在 {path}。"
