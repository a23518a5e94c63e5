"""Masking what looks like a secret before a text goes into a result."""

import re

MASK = "[masked]"

_ASSIGNED = re.compile(
    r"(?P<name>(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|auth[_-]?key|private[_-]?key"
    r"|preshared[_-]?key|\bpsk)[\w.-]*)(?P<between>[\"']?\s*(?:[=:]|\s)\s*[\"']?)"
    r"(?P<value>[^\s\"';,&]+)",
    re.IGNORECASE,
)
_PEM = re.compile(r"-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|\Z)", re.DOTALL)
_URL_LOGIN = re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)")
_WIREGUARD_KEY = re.compile(
    r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{42}[AEIMQUYcgkosw480]=(?![A-Za-z0-9+/=])"
)


def scrub(text: str) -> str:
    """The text without passwords, tokens, private keys and logins in URLs.

    Only what is named like a secret or has the shape of a key is masked: addresses and paths stay.
    """
    text = _PEM.sub(MASK, text)
    text = _URL_LOGIN.sub(MASK, text)
    text = _WIREGUARD_KEY.sub(MASK, text)
    return _ASSIGNED.sub(_masked, text)


def _masked(match: re.Match[str]) -> str:
    plain_words = not any(sign in match["between"] for sign in "=:") and match["value"].isalpha()
    return match[0] if plain_words else f"{match['name']}{match['between']}{MASK}"


def excerpt(text: str, limit: int = 2000) -> str:
    """The end of a log, scrubbed, at most `limit` characters."""
    start = max(0, len(text) - 2 * limit)
    # A key that begins before the cut must be seen from its beginning.
    begins = text.rfind("-----BEGIN ", 0, start)
    if begins >= 0 and text.find("-----END ", begins, start) < 0:
        start = begins
    line = text.find("\n", start) if start else -1
    clean = scrub(text[start:] if line < 0 or start == begins else text[line + 1 :])
    return clean if len(clean) <= limit else f"… {clean[-limit:]}"
