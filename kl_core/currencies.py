"""Currencies by their ISO 4217 codes, and what may stand for one in a setting."""

import re

_LOOKS_LIKE_A_CODE = re.compile(r"[A-Z]{3}")
_LIST_ONE = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF
    CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD
    HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD
    MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN
    PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD
    TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CODES = frozenset(_LIST_ONE.split())
"""The active codes of List One of the maintenance agency (SIX Group), as published on 2026-01-01, but for those without
minor units: precious metals, units of account, the code for tests and that for no currency."""


def currency(text: str) -> str:
    """Return a code in capitals, or a symbol as it is; `ValueError` says what is allowed.

    Three capital letters are a code. In other letters they are one where there is such a code, else a symbol (`Lei`).
    """
    if text.upper() in CODES:
        return text.upper()
    if _LOOKS_LIKE_A_CODE.fullmatch(text):
        raise ValueError("an active ISO 4217 code, such as EUR or USD, or a symbol, such as €")
    if not text.isprintable():
        raise ValueError("an ISO 4217 code or a symbol, without control characters")
    return text
