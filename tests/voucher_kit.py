"""A business document for each of T1 to T14, and its vouchers' lines."""

from __future__ import annotations

from cloud_bridge.documents import (
    BackfilledSale,
    BankChargeback,
    CashCount,
    CashDeposit,
    CashDifferenceApproved,
    CashPickup,
    Chargeback,
    DisputeLost,
    GiftCardSale,
    GoodsReceipt,
    PaymentFound,
    PaymentIdentified,
    PaymentMissing,
    Payout,
    PurchaseInvoice,
    Refund,
    Sale,
    StockDifference,
    StockDifferenceApproved,
    UnpaidItem,
)

HEAD = {"business_date": "2000-11-01", "currency": "CNY", "reference": "t1"}

SALE = {
    "tenders": {"wechat": 9000, "cash": 5000},
    "change": 2700,
    "net": {"1300": 10000, "0": 0},
    "tax": {"1300": 1300},
    "cost": 6000,
}
REFUND = {
    "tenders": {"alipay": 1130},
    "net": {"1300": 1000},
    "tax": {"1300": 130},
    "restocked_cost": 400,
    "scrapped_cost": 200,
}

#: Document -> its vouchers' lines in 小企业会计准则, debits positive.
CASES = {
    "T1, T2 mixed tenders": (
        Sale(**HEAD, **SALE),
        {
            "sale": {"101202": 9000, "1001": 2300, "5001": -10000, "222102": -1300},
            "cost": {"5401": 6000, "1405": -6000},
        },
    ),
    "T1 rounding": (
        Sale(**HEAD, tenders={"cash": 10}, net={"0": 12}, rounding=-2),
        {"sale": {"1001": 10, "5001": -12, "560302": 2}},
    ),
    "T3, T4": (
        Refund(**HEAD, **REFUND),
        {
            "refund": {"500102": 1000, "222102": 130, "101203": -1130},
            "returned-goods": {"1405": 400, "571101": 200, "5401": -600},
        },
    ),
    "T5": (
        Payout(**HEAD, gross={"wechat": 10000}, net=9936, fee=60, fee_tax=4),
        {"payout": {"1002": 9936, "560301": 60, "222101": 4, "101202": -10000}},
    ),
    "T6 picked up": (
        CashPickup(**HEAD, cash=5000),
        {"cash-pickup": {"101204": 5000, "1001": -5000}},
    ),
    "T6 deposited": (
        CashDeposit(**HEAD, cash=5000),
        {"cash-deposit": {"1002": 5000, "101204": -5000}},
    ),
    "T7 short": (
        CashCount(**HEAD, difference=-350),
        {"cash-count": {"1001": -350, "190102": 350}},
    ),
    "T7 over": (
        CashCount(**HEAD, difference=350),
        {"cash-count": {"1001": 350, "190102": -350}},
    ),
    "T7 short, approved": (
        CashDifferenceApproved(**HEAD, short=350),
        {"cash-difference": {"571102": 350, "190102": -350}},
    ),
    "T7 over, approved": (
        CashDifferenceApproved(**HEAD, over=350),
        {"cash-difference": {"530102": -350, "190102": 350}},
    ),
    "T8 receipt": (
        GoodsReceipt(**HEAD, goods=8000),
        {"goods-receipt": {"1405": 8000, "220202": -8000}},
    ),
    "T8 invoice": (
        PurchaseInvoice(**HEAD, payable=9000, goods=8000, tax=1040, variance=-40),
        {"purchase-invoice": {"220202": 8000, "222101": 1040, "540102": -40, "220201": -9000}},
    ),
    "T9 loss": (
        StockDifference(**HEAD, difference=-600),
        {"stock-difference": {"1405": -600, "190101": 600}},
    ),
    "T9 loss, approved": (
        StockDifferenceApproved(**HEAD, loss=600),
        {"stock-difference-approved": {"571101": 600, "190101": -600}},
    ),
    "T9 gain, approved": (
        StockDifferenceApproved(**HEAD, gain=600),
        {"stock-difference-approved": {"530101": -600, "190101": 600}},
    ),
    "T10 found": (
        PaymentFound(**HEAD, amount={"alipay": 1130}),
        {"payment-found": {"101203": 1130, "224101": -1130}},
    ),
    "T10 identified": (
        PaymentIdentified(**HEAD, amount=1130, net={"1300": 1000}, tax={"1300": 130}, cost=600),
        {
            "payment-identified": {"224101": 1130, "5001": -1000, "222102": -130},
            "identified-cost": {"5401": 600, "1405": -600},
        },
    ),
    "T10 paid at the till after all": (
        BackfilledSale(**HEAD, tenders={"cash": 113}, net={"1300": 100}, tax={"1300": 13}, cost=60),
        {
            "backfilled-payment": {"1001": 113, "224101": -113},
            "backfilled-sale": {"224101": 113, "5001": -100, "222102": -13},
            "backfilled-cost": {"5401": 60, "1405": -60},
        },
    ),
    "T11": (
        UnpaidItem(**HEAD, cost=600),
        {
            "unpaid-item": {"190101": 600, "1405": -600},
            "unpaid-item-loss": {"571101": 600, "190101": -600},
        },
    ),
    "T12 missing": (
        PaymentMissing(**HEAD, amount={"card": 700}),
        {"payment-missing": {"122102": 700, "101201": -700}},
    ),
    "T12 lost": (
        DisputeLost(**HEAD, amount=700),
        {"dispute-lost": {"571103": 700, "122102": -700}},
    ),
    "T13": (
        Chargeback(**HEAD, taken={"card": 750}, amount=700, fee=50),
        {"chargeback": {"122102": 700, "560301": 50, "101201": -750}},
    ),
    "T13 by the bank": (
        BankChargeback(**HEAD, taken=750, amount=700, fee=50),
        {"bank-chargeback": {"122102": 700, "560301": 50, "1002": -750}},
    ),
    "T14 sold": (
        GiftCardSale(**HEAD, tenders={"wechat": 20000}, value=20000),
        {"gift-card-sale": {"101202": 20000, "220301": -20000}},
    ),
    "T14 used": (
        Sale(**HEAD, tenders={"giftcard": 113}, net={"1300": 100}, tax={"1300": 13}),
        {"sale": {"220301": 113, "5001": -100, "222102": -13}},
    ),
}
