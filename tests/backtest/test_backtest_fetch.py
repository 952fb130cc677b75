"""fetch, with recorded shapes in place of the network."""

import datetime
import inspect
import json

import pandas
import pytest

from qmt_strategy.backtest import akshare_source, commands, fetching, prices

DAYS = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"]


class Library:
    """akshare's functions with the columns and types that 1.18 and 1.19 return."""

    __version__ = "1.19.5"

    class futures:
        class cons:
            @staticmethod
            def get_calendar():
                return ["20240102", "20240103", "20240104", "20240105"]

    def __init__(self):
        self.calls = []
        self.broken = set()

    def _called(self, name):
        self.calls.append(name)
        if name in self.broken:
            raise ConnectionError("RemoteDisconnected")

    def fund_etf_hist_em(self, symbol, period, start_date, end_date, adjust):
        self._called("em" + adjust)
        closes = [1.0, 1.01, 0.96, 0.97] if not adjust else [1.0, 1.01, 1.01, 1.02]
        return pandas.DataFrame(
            {"日期": DAYS, "开盘": closes, "收盘": closes, "最高": closes, "最低": closes, "成交量": [1, 2, 3, 4]}
        )

    def fund_etf_hist_sina(self, symbol):
        self._called("sina " + symbol)
        closes = [1.0, 1.01, 0.96, 0.97]
        dates = [datetime.date(2024, 1, day) for day in (2, 3, 4, 5)]
        return pandas.DataFrame({"date": dates, "open": closes, "high": closes, "low": closes, "close": closes})

    def fund_open_fund_info_em(self, symbol, indicator, period="成立来"):
        self._called(indicator)
        if indicator == "累计净值走势":
            dates = [datetime.date(2024, 1, day) for day in (2, 3, 4, 5)]
            return pandas.DataFrame({"净值日期": dates, "累计净值": [1.0, 1.01, 1.01, 1.02]})
        if indicator == "分红送配详情":
            row = {
                "年份": "2024年",
                "权益登记日": "2024-01-03",
                "除息日": "2024-01-04",
                "每份分红": "每份派现金0.0500元",
            }
            return pandas.DataFrame([dict(row, 分红发放日="2024-01-09")])
        return pandas.DataFrame(
            [{"年份": "暂无拆分信息!", "拆分折算日": "暂无拆分信息!", "拆分类型": "暂无", "拆分折算比例": "暂无"}]
        )

    def stock_zh_index_daily(self, symbol):
        self._called("index")
        closes = [3000.0, 3010.0, 3020.0, 3030.0]
        dates = [datetime.date(2024, 1, day) for day in (2, 3, 4, 5)]
        return pandas.DataFrame(
            {"date": dates, "open": closes, "high": closes, "low": closes, "close": closes, "volume": [1] * 4}
        )

    def fund_etf_fund_info_em(self, fund, start_date, end_date):
        self._called("nav " + fund)
        dates = [datetime.date(2024, 1, day) for day in (2, 3, 4, 5)]
        return pandas.DataFrame({"净值日期": dates, "单位净值": [1.0] * 4, "累计净值": [1.0, 1.01, 1.01, 1.02]})

    def fund_etf_dividend_sina(self, symbol):
        self._called("paid " + symbol)
        dates = [datetime.date(2023, 1, 5), datetime.date(2024, 1, 4)]
        return pandas.DataFrame({"日期": dates, "累计分红": [0.03, 0.08]})

    def fund_cf_em(self, year):
        self._called("splits of " + year)
        heads = ["序号", "基金代码", "基金简称", "拆分折算日", "拆分类型", "拆分折算"]
        other = [1, "512690", "酒ETF", datetime.date(2021, 5, 17), "份额分拆", 2.0]
        return pandas.DataFrame([other] if year == "2021" else [], columns=heads)

    def stock_zh_index_daily_em(self, symbol, start_date, end_date):
        self._called("index em")
        closes = [3000.0, 3010.0, 3020.0, 3030.0]
        return pandas.DataFrame({"date": DAYS, "open": closes, "close": closes, "high": closes, "low": closes})

    def tool_trade_date_hist_sina(self):
        self._called("calendar")
        return pandas.DataFrame({"trade_date": [datetime.date(2024, 1, day) for day in (2, 3, 4, 5)]})


@pytest.fixture
def library():
    return Library()


class World:
    def __init__(self, folder, library):
        self.now = datetime.datetime(2024, 1, 6, 20, 0)
        self.slept = []
        self.said = []
        self.fetcher = fetching.Fetcher(
            akshare_source.sources(library, lambda: datetime.date(2024, 1, 6)),
            folder,
            lambda: self.now,
            self.slept.append,
            self.said.append,
            lambda: 0.5,
        )

    def fetch(self):
        return fetching.fetch(self.fetcher, ["510300.SH"], "20240101", "20240131")


@pytest.fixture
def world(tmp_path, library):
    return World(str(tmp_path), library)


def test_what_is_fetched_is_what_run_reads(world, tmp_path):
    assert world.fetch() == []
    fund = prices.load(str(tmp_path)).funds[0]
    assert fund.closes == [1.0, 1.01, 0.96, 0.97]
    assert fund.dividends == [0.0, 0.0, 0.05, 0.0]
    assert world.slept == []


def test_each_file_has_its_source_and_time(world, tmp_path):
    world.fetch()
    about = json.loads((tmp_path / "sources.json").read_text(encoding="utf-8"))
    assert about["510300.SH.csv"] == {
        "source": "东方财富 fund_etf_hist_em",
        "version": "1.19.5",
        "fetched_at": "2024-01-06 20:00:00",
        "rows": 4,
    }
    assert {"calendar.csv", "events.csv", "hfq-510300.SH.csv", "index.csv", "nav-510300.SH.csv"} <= set(about)


def test_a_source_that_is_blocked_is_asked_with_growing_pauses_and_then_the_second(world, library, tmp_path):
    library.broken = {"em"}
    assert world.fetch() == []
    assert library.calls.count("em") == 4
    assert world.slept == [3.0, 12.0, 45.0]
    assert "sina sh510300" in library.calls
    about = json.loads((tmp_path / "sources.json").read_text(encoding="utf-8"))
    assert about["510300.SH.csv"]["source"] == "新浪 fund_etf_hist_sina"


@pytest.mark.parametrize(
    "broken, name, source",
    [
        ("累计净值走势", "nav-510300.SH.csv", "天天基金 fund_etf_fund_info_em"),
        ("分红送配详情", "events.csv", "新浪 fund_etf_dividend_sina 和天天基金 fund_cf_em"),
        ("index", "index.csv", "东方财富 stock_zh_index_daily_em"),
    ],
)
def test_net_values_events_and_index_have_a_second_source_too(world, library, tmp_path, broken, name, source):
    world.fetch()
    first = (tmp_path / name).read_text(encoding="utf-8")
    (tmp_path / name).unlink()
    library.broken = {broken}
    assert world.fetch() == []
    assert world.slept == [3.0, 12.0, 45.0]
    about = json.loads((tmp_path / "sources.json").read_text(encoding="utf-8"))
    assert about[name]["source"] == source
    second = (tmp_path / name).read_text(encoding="utf-8")
    assert second.replace("510300,20230105,dividend,0.03\n", "") == first


def test_the_second_source_of_events_has_splits_and_the_dividends_before_them(library, monkeypatch):
    monkeypatch.setattr(library, "fund_etf_dividend_sina", lambda symbol: table_of("2020-12-01", 0.35))
    ask = akshare_source.sources(library, lambda: datetime.date(2024, 1, 6)).events[1].ask
    assert ask("512690.SH") == [("20201201", "dividend", 0.35), ("20210517", "split", 2.0)]
    asked = library.calls.count("splits of 2021")
    assert ask("510300.SH") == [("20201201", "dividend", 0.35)]
    assert library.calls.count("splits of 2021") == asked == 1


def test_a_sum_of_dividends_that_goes_on_after_a_split_is_not_guessed_at(library, monkeypatch):
    monkeypatch.setattr(library, "fund_etf_dividend_sina", lambda symbol: table_of("2022-12-01", 0.35))
    ask = akshare_source.sources(library, lambda: datetime.date(2024, 1, 6)).events[1].ask
    with pytest.raises(ValueError, match="含义不明"):
        ask("512690.SH")


@pytest.mark.parametrize("table", [pandas.DataFrame(), None])
def test_an_answer_that_is_no_table_of_dividends_is_not_taken_for_no_dividends(table):
    with pytest.raises(ValueError, match="没有累计分红"):
        akshare_source.paid_since(table)


def table_of(date, paid):
    return pandas.DataFrame({"日期": [datetime.date.fromisoformat(date)], "累计分红": [paid]})


def test_when_no_source_answers_the_old_file_stays_and_that_is_told(world, library, tmp_path):
    world.fetch()
    world.now += datetime.timedelta(days=2)
    library.broken = {"em", "sina sh510300"}
    (problem,) = world.fetch()
    assert "510300.SH.csv 没有取到" in problem and "保留旧文件" in problem
    assert (tmp_path / "510300.SH.csv").exists()


def test_a_fresh_file_is_not_fetched_again(world, library):
    world.fetch()
    before = library.calls.count("em")
    world.now += datetime.timedelta(hours=1)
    world.fetch()
    assert library.calls.count("em") == before


@pytest.mark.parametrize("what", ["twice", "zero", "empty", "column"])
def test_an_unsound_table_is_taken_for_no_answer(world, library, what, monkeypatch):
    sound = library.fund_etf_hist_em

    def broken(**asked):
        table = sound(**asked)
        if asked["adjust"]:
            return table
        if what == "twice":
            return pandas.concat([table, table.tail(1)])
        if what == "zero":
            table.loc[2, "收盘"] = 0.0
        return {"empty": table.head(0), "column": table.rename(columns={"收盘": "最新价"})}.get(what, table)

    monkeypatch.setattr(library, "fund_etf_hist_em", broken)
    assert world.fetch() == []
    assert "sina sh510300" in library.calls


def test_a_hole_against_the_calendar_is_told(world, library, monkeypatch):
    sound = library.fund_etf_hist_em
    monkeypatch.setattr(library, "fund_etf_hist_em", lambda **asked: sound(**asked).drop(index=1))
    assert any("510300.SH 缺 1 天（如 20240103）" in problem for problem in world.fetch())


def test_a_dividend_that_the_published_adjusted_prices_do_not_know_is_told(world, library, monkeypatch):
    sound = library.fund_etf_hist_em
    monkeypatch.setattr(library, "fund_etf_hist_em", lambda **asked: sound(**dict(asked, adjust="")))
    assert any("后复权和来源不一致，从 20240104 起" in problem for problem in world.fetch())


def test_the_older_name_of_a_parameter_is_tried(library):
    def older(fund, indicator):
        return library.__class__.fund_open_fund_info_em(library, fund, indicator)

    older_library = Library()
    older_library.fund_open_fund_info_em = older
    assert akshare_source.rows(akshare_source.net_value_table(older_library, "510300.SH", "累计净值走势"))


def test_numbers_are_read_out_of_words():
    assert akshare_source.number_in("每份派现金0.0720元") == 0.072
    table = pandas.DataFrame([{"拆分折算日": "2021-05-17", "拆分折算比例": "1:2.0000"}])
    assert akshare_source.splits(table) == [("20210517", "split", 2.0)]


def test_the_library_that_is_installed_has_these_functions():
    akshare = pytest.importorskip("akshare")
    asked = {
        "fund_etf_hist_em": "symbol period start_date end_date adjust",
        "fund_etf_hist_sina": "symbol",
        "fund_open_fund_info_em": "symbol indicator",
        "fund_etf_fund_info_em": "fund start_date end_date",
        "fund_etf_dividend_sina": "symbol",
        "fund_cf_em": "year",
        "stock_zh_index_daily": "symbol",
        "stock_zh_index_daily_em": "symbol start_date end_date",
    }
    for name, parameters in asked.items():
        assert set(parameters.split()) <= set(inspect.signature(getattr(akshare, name)).parameters), name
    calendar = akshare_source.sources(akshare).calendar[1].ask()
    assert calendar == sorted(calendar) and "20240102" in calendar


def test_without_akshare_the_user_is_told_what_to_do(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "akshare", None)
    assert commands.main(["fetch", "--data", str(tmp_path)]) == 2
    assert "pip install akshare" in capsys.readouterr().err


def test_fetch_writes_a_synthetic_set_without_the_network(tmp_path, capsys):
    assert commands.main(["fetch", "--data", str(tmp_path), "--synthetic", "3"]) == 0
    assert len(prices.load(str(tmp_path)).funds) == 7
