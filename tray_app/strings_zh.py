"""What the owner reads: menu, reasons, answers. One place, so that the words stay the same everywhere."""

NAME = "QMT 哨兵"
ALL_WELL = "一切正常"
NOT_NOW = "现在不是交易时间"

# The menu
RESTART_HEARTBEAT = "重启心跳"
OPEN_DASHBOARD = "打开看板"
TEST_ALERT = "发送测试告警"
PAUSE = "暂停（到下次开盘前）"
CONTINUE = "继续"
SHOW_LOGS = "查看日志"
QUIT = "退出"

# Answers to a click
NO_ANSWER_YET = "2 秒内还没有等到接收端的答复。"
NOT_STORED = "没有存下：{why}"
PAUSED_UNTIL = "已暂停，到 {time} 自动继续。"
CONTINUED = "已继续。"
UNTOLD = "{what}但没能记下要告诉接收端的消息：{why}"
TEST_TEXT = "这是一条测试告警：收到它，说明从小主机到手机的路是通的。"
TEST_SENT = "测试告警已交给接收端，请看手机。"
TEST_WAITING = "测试告警已存下，连上接收端后就送出：{answer}"

# Starting and stopping
ALREADY_RUNNING = "QMT 哨兵已经在运行（{home}），这次启动到此结束。"
CRASHED = "QMT 哨兵意外停止，原因在 {logs}。"
BAD_OPTION = "启动参数不对（{why}）：可用的是 --headless 和 --home 文件夹。"
NO_FOLDER = "不能使用文件夹 {home}（{why}）：请检查权限，或用 --home 指定别的文件夹。"
