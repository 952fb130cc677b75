"""What the drills with orders share: the morning on which they begin, and the questions that every one of them asks.

Once it believes the account, about 11 s after QMT is up, the strategy decides: with `once 09:30` at once and only then,
with `minute` at each full minute. BEFORE_A_MINUTE is a clock at which the first such minute comes soon after.
"""

from rehearsal import oracle
from rehearsal.clock import clock_text
from rehearsal.drills import prices

CLOCK = "10:00:00"
BEFORE_A_MINUTE = "10:00:30"
SETTLED = 15  # s after its start in which the strategy may still be waiting for the account
PATIENCE = 150  # s for what needs no promise: on a slow machine a minute is missed, and the next one counts
TRADED = ("策略下单", "成交")  # told of every order, on no drill's account


def watch_a_decision(stage):
    """Let time pass until a strategy that was started just now, and decides each minute, has decided."""
    wait = SETTLED + 60 - (stage.road.now() + SETTLED) % 60 + 4
    stage.watch(wait)


def settings(*codes, **more):
    """[strategy] of a drill that trades these funds."""
    return dict({"funds": ", ".join(codes), "decide": "once 09:30"}, **more)


def begin(stage, *behaviours, clock=CLOCK, days_ago=0):
    """Start the road with the drills' prices at `clock`; each behaviour is a word for the simulated QMT. Returns the
    epoch second at which it began."""
    road = stage.road
    road.data = prices.write(road.folder / "prices")
    road.set_clock(clock, days_ago)
    behave(stage, *behaviours)
    began = road.now()
    stage.start_road()
    return began


def behave(stage, *behaviours):
    """What the simulated QMT does from its next start on; without behaviours, what it does by itself."""
    if "--behaviour" in stage.road.qmt_options or behaviours:
        stage.road.qmt_options = [word for behaviour in behaviours for word in ("--behaviour", behaviour)]


def calls(stage):
    return oracle.calls(stage.road.qmt_folder)


def states(stage):
    """{flag: newest state} as the receiver has it."""
    return {flag: lines[-1]["state"] for flag, lines in oracle.told_states(stage.road.stored()).items()}


def wait_for_call(stage, number=1):
    """The call of passorder with this number, or None."""
    if not stage.until(lambda: len(calls(stage)) >= number, PATIENCE, f"第 {number} 次下单"):
        return None
    call = calls(stage)[number - 1]
    stage.did(f"策略调用了 passorder：{call['remark']}")
    return call


def wait_for_counter(stage, flag):
    """True once the counter has this order: a kill between the call and the counter would leave none to find."""
    has_it = lambda: any(order["flag"] == flag for order in oracle.counter_orders(stage.road.qmt_folder))  # noqa: E731
    return stage.until(has_it, PATIENCE, f"柜台收到 {flag}")


def wait_for_state(stage, flag, state, seconds=PATIENCE):
    """The receiver has this state of an order."""
    stage.until(lambda: states(stage).get(flag) == state, seconds, f"{flag} 在接收端是 {state}")
    stage.check(states(stage).get(flag) == state, f"{flag} 在接收端是 {state}")


def channels_that_tell(stage, *words):
    """The channels on which one message holds all these words."""
    return {
        m["channel"]
        for m in stage.road.messages()
        if all(word in m["shown"]["title"] + m["shown"]["body"] for word in words)
    }


def expect_told(stage, *words):
    """Every channel has a message with all these words, sooner or later."""
    everywhere = set(stage.road.channels)
    stage.until(lambda: channels_that_tell(stage, *words) == everywhere, PATIENCE, "等消息到达每个通道")
    stage.check(channels_that_tell(stage, *words) == everywhere, f"每个通道都说了 {' '.join(words)}")


def expect_fills(stage):
    """Every channel tells of each order with fills how many shares the counter says it filled."""
    for order in oracle.counter_orders(stage.road.qmt_folder):
        if order["traded"]:
            expect_told(stage, order["flag"], f"成交 {order['traded']} 股")


def judge(stage, ordered, *titles):
    """The end of every drill: how often passorder was called, what else the phone got, what was lost."""
    expect_fills(stage)
    for message in stage.road.messages():
        if message["channel"] == "wecom":
            title, _, body = (message["shown"]["title"] + "\n" + message["shown"]["body"]).partition("\n")
            stage.say(
                f"  {clock_text(message['at'])} 手机·wecom 全文：{title}\n      " + body.replace("\n", "\n      ")
            )
    found = calls(stage)
    stage.check(len(found) == ordered, f"一共调用了 {len(found)} 次 passorder（应为 {ordered}）")
    stage.check(len({call["remark"] for call in found}) == len(found), "没有一个委托编号用了两次")
    wrong = oracle.orders_told_wrong(stage.road)
    stage.check(not wrong, f"接收端与柜台的委托一致{wrong or ''}")
    stage.only_these(*TRADED, *titles)
    stage.nothing_lost()
