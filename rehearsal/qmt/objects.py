"""QMT's Account, Order, Deal, Position and Task as scripts see them: the attributes of real dumps (qmt-facts 1.5).

What QMT does not know it fills with a sentinel, so each class lists its attributes by type and every one that is not
given becomes 1.7976931348623157e308, 2147483647 or ''. Reading m_xtTag raises on an order or deal, and is None on a
position.
"""

from typing import TYPE_CHECKING, Any, Dict, Set

UNSET_DOUBLE = 1.7976931348623157e308
UNSET_INT = 2147483647


class QmtObject:
    doubles = ""
    ints = ""
    texts = ""
    _unset: Dict[bool, Dict[str, Any]] = {}

    if TYPE_CHECKING:  # the attributes are made from the lists

        def __getattr__(self, name: str) -> Any: ...

    def __init_subclass__(cls) -> None:
        cls._unset = {}
        for sentinels in (True, False):
            values: Dict[str, Any] = dict.fromkeys(cls.doubles.split(), UNSET_DOUBLE if sentinels else 0)
            values.update(dict.fromkeys(cls.ints.split(), UNSET_INT if sentinels else 0))
            values.update(dict.fromkeys(cls.texts.split(), ""))
            cls._unset[sentinels] = values

    def __init__(self, sentinels: bool = True, **given: Any) -> None:
        mine = self.__dict__
        mine.update(self._unset[sentinels])
        count = len(mine)
        mine.update(given)
        if len(mine) != count:
            unknown: Set[str] = set(given) - set(self._unset[sentinels])
            raise AttributeError("QMT's %s has no %s" % (type(self).__name__, ", ".join(sorted(unknown))))

    def twin(self) -> Any:
        """A copy of its own, so that what a script changes in one changes nothing else."""
        made = self.__class__.__new__(self.__class__)
        made.__dict__.update(self.__dict__)
        return made


class Account(QmtObject):
    doubles = """m_dBalance m_dAvailable m_dInstrumentValue m_dStockValue m_dFundValue m_dPositionProfit m_dCloseProfit
        m_dCommission m_dFrozenCash m_dFrozenMargin m_dFrozenCommission m_dFetchBalance m_dAssetBalance m_dAssureAsset
        m_dPreBalance m_dLoanValue m_dRepurchaseValue m_dBuyWaitMoney m_dSellWaitMoney"""
    ints = "m_nBrokerType m_nDirection m_Enable"
    texts = "m_strAccountID m_strAccountKey m_strStatus m_strTradingDate m_strOpenDate m_strMoneyType"


class Tagged(QmtObject):
    @property
    def m_xtTag(self) -> Any:
        raise TypeError("No to_python (by-value) converter found for C++ type: CXtOrderTag")


class Order(Tagged):
    doubles = """m_dLimitPrice m_dTradedPrice m_dTradeAmount m_dCancelAmount m_dFrozenMargin m_dFrozenCommission"""
    ints = """m_nRef m_nTaskId m_nOrderStatus m_nOrderSubmitStatus m_nOpType m_nOffsetFlag m_nDirection m_nHedgeFlag
        m_nOrderPriceType m_nVolumeTotalOriginal m_nVolumeTraded m_nVolumeTotal m_nErrorID m_eEntrustType m_nStrategyID
        m_nOrderStrategyType"""
    texts = """m_strAccountID m_strInstrumentID m_strExchangeID m_strExchangeName m_strInstrumentName m_strOrderSysID
        m_strOrderRef m_strInsertDate m_strInsertTime m_strOptName m_strRemark m_strSource m_strOrderStrategyType
        m_strXTTrade m_strCancelInfo m_strErrorMsg m_strCompactNo"""


class Deal(Tagged):
    """`commission_name` is the one spelling of the commission that this client's deals have."""

    doubles = "m_dPrice m_dTradeAmount"
    ints = "m_nRef m_nTaskId m_nVolume m_nOffsetFlag m_nDirection m_nRealOffsetFlag m_nOrderPriceType"
    texts = """m_strTradeID m_strOrderSysID m_strOrderRef m_strInstrumentID m_strExchangeID m_strInstrumentName
        m_strTradeDate m_strTradeTime m_strOptName m_strRemark m_strSource m_strXTTrade"""

    def __init__(self, commission: float, commission_name: str = "m_dComssion", **given: Any) -> None:
        super().__init__(**given)
        setattr(self, commission_name, commission)


class Position(QmtObject):
    doubles = """m_dOpenPrice m_dAvgOpenPrice m_dOpenCost m_dPositionCost m_dLastPrice m_dSettlementPrice m_dMarketValue
        m_dInstrumentValue m_dFloatProfit m_dPositionProfit m_dProfitRate"""
    ints = "m_nVolume m_nCanUseVolume m_nYesterdayVolume m_nOnRoadVolume m_nFrozenVolume m_nDirection m_bIsToday"
    texts = "m_strInstrumentID m_strExchangeID m_strInstrumentName m_strTradingDay m_strOpenDate m_strTradeID"
    m_xtTag = None


class Task(QmtObject):
    doubles = "m_dFixPrice"
    ints = "m_eStatus m_nNum m_nBusinessNum m_startTime m_endTime"
    texts = "m_nTaskId m_strMsg m_stockCode m_strRemark"  # m_nTaskId is a text in the dump
