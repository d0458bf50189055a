"""Hiding secrets in what people see."""

from __future__ import annotations

import re

MASK = "***"
_PASSWORD = re.compile(r"(?P<before>[A-Za-z][A-Za-z0-9+.-]*://[^\s:/@]*:)[^\s]*(?P<after>@)")
_WEB_USER = re.compile(r"(?P<scheme>https?://)[^\s/@]*@")
_WEB = re.compile(r"(?P<scheme>https?://)(?:[^\s/@]*@)?(?P<host>[^\s/?#@]+)")
_QUERY = re.compile(
    r"(?P<before>[?&;][^=&;\s]*(?:password|passwd|pwd|secret|token|key)[^=&;\s]*=)[^&;\s]+", re.IGNORECASE
)


def masked(text: str) -> str:
    """Hide the passwords in addresses, and of web addresses the user too, which may be a token.

    >>> masked("postgresql://me:hidden@db/biomero?sslmode=require")
    'postgresql://me:***@db/biomero?sslmode=require'
    >>> masked("https://hidden@github.com/org/name")
    'https://***@github.com/org/name'
    """
    without_users = _WEB_USER.sub(rf"\g<scheme>{MASK}@", text)
    return _QUERY.sub(rf"\g<before>{MASK}", _PASSWORD.sub(rf"\g<before>{MASK}\g<after>", without_users))


def shown(text: str, *, is_secret: bool) -> str:
    """Return what may be shown of a value: of a secret an address without its password, or nothing.

    >>> shown("https://hooks.example.org/services/T1/hidden", is_secret=True)
    'https://hooks.example.org/***'
    """
    if is_secret and "://" not in text:
        return MASK
    if is_secret and (web := _WEB.match(text)):  # the path of a webhook is as good as a password
        return f"{web['scheme']}{web['host']}/{MASK}"
    return masked(text)
