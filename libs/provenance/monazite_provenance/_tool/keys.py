"""`keys FILE`: what a trust file says, which keys a COSE_KeySet holds, or the public half of a private key, as a trust
file names a witness's; `--export` writes a COSE_KeySet.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from monazite_provenance._tool import files, screen, trusted
from monazite_provenance._tool.leaving import DONE
from monazite_provenance._tool.screen import Json
from monazite_provenance.contents import KeysDetails, decode_details
from monazite_provenance.errors import BadField
from monazite_provenance.key_sets import KEY_SET_BYTES_MAX, decode_key_set, encode_key_set
from monazite_provenance.keys import PublicKey, SoftwareKey
from monazite_provenance.kinds import EventKind
from monazite_provenance.places import LogSpan
from monazite_provenance.trust import TRUST_FILE_BYTES_MAX, TrustFile

# How a set of keys begins: an array, and in it a map.
_ARRAYS: Final = frozenset(bytes((each,)) for each in range(0x80, 0xA0))
_PRIVATE_PEM: Final = b"-----BEGIN PRIVATE KEY-----"
_MAPS: Final = frozenset(bytes((each,)) for each in range(0xA0, 0xC0))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument(
        "file",
        metavar="FILE",
        help="a trust file, a COSE_KeySet, or a private key (PEM): its public one is shown; - for standard input",
    )
    parser.add_argument("--trust", metavar="FILE", help="for a COSE_KeySet: say which keys this file knows")
    parser.add_argument("--export", metavar="OUT", help="write the keys as a COSE_KeySet to a new file")


class Known(NamedTuple):
    """A key of a trust file: whose, what it signs, at which positions of which logs, whether it has ended."""

    public: PublicKey
    signs: str
    owner: str
    kinds: tuple[str, ...]
    spans: Mapping[str, LogSpan]
    ended: str


def run(options: argparse.Namespace) -> int:
    """Show, and export if asked to."""
    raw = files.start_of(options.file, max(TRUST_FILE_BYTES_MAX, KEY_SET_BYTES_MAX))
    with files.named(options.file):
        if raw.lstrip()[:1] == b"{":
            trust = TrustFile.load(raw)
            known = list(_keys(trust))
            keys = [each.public for each in known]
            shown, lines = _trust_json(trust, known), _trust_lines(trust, known)
        elif raw.startswith(_PRIVATE_PEM):
            keys = [SoftwareKey.from_pem(raw).public]
            shown, lines = _own_json(keys[0]), _own_lines(keys[0])
        else:
            if raw[:1] not in _ARRAYS or raw[1:2] not in _MAPS:
                raise BadField(
                    "no trust file (JSON), COSE_KeySet or private key (PEM): another kind of file", field="keys"
                )
            keys = list(decode_key_set(raw))
            by_kid = _by_kid(options.trust)
            shown, lines = _set_json(keys, by_kid), _set_lines(keys, by_kid)
    if options.export is not None:
        files.write(options.export, [encode_key_set(keys)])
    if options.export == files.STANDARD:
        return DONE
    if options.json:
        screen.say_json(shown)
    else:
        screen.say(lines)
    return DONE


def _by_kid(trust_file: str | None) -> dict[bytes, Known] | None:
    if trust_file is None:
        return None
    return {each.public.kid: each for each in _keys(trusted.load(trust_file))}


def _keys(trust: TrustFile) -> Iterator[Known]:
    """The root keys as they are now, then the keys of services in the order of their acts, each as it stands now."""
    book = trust.keyring()
    for root in trust.current_roots().keys:
        yield Known(root, "acts", f"root of {trust.domain}", (EventKind.KEYS.name,), {}, "")
    for public in dict.fromkeys(_certified(trust)):
        key, log_key = book.find(public.kid), book.find_log_key(public.kid)
        if log_key is not None:
            yield Known(public, "heads", log_key.issuer, (), log_key.logs, _ended(log_key.logs))
        elif key is not None:
            kinds = tuple(sorted(kind.name for kind in key.kinds or ()))
            yield Known(public, "statements", key.issuer, kinds, key.spans or {}, _ended(key.spans or {}))


def _certified(trust: TrustFile) -> Iterator[PublicKey]:
    for act in trust.acts:
        opening = act[0].details
        details = None if opening is None else decode_details(EventKind.KEYS, opening.content)
        if isinstance(details, KeysDetails):
            yield PublicKey.from_cose_key(details.cose_key)


def _ended(spans: Mapping[str, LogSpan]) -> str:
    if any(span.compromised_from is not None for span in spans.values()):
        return "compromised"
    return "retired" if any(span.last is not None for span in spans.values()) else ""


def _span_text(log: str, span: LogSpan) -> str:
    last = "on" if span.last is None else f"to {span.last}"
    stolen = "" if span.compromised_from is None else f"; nothing stands from {span.compromised_from} on"
    return f"{log} from {span.first} {last}{stolen}"


def _trust_lines(trust: TrustFile, known: Sequence[Known]) -> Iterator[str]:
    roots = trust.current_roots()
    yield f"domain {trust.domain}"
    yield f"{roots.threshold} of {len(roots.keys)} root keys make an act; {len(trust.acts)} acts"
    for each in known:
        ended = f"  {each.ended.upper()}" if each.ended else ""
        yield f"{each.public.kid.hex()}  {each.public.algorithm.name}  {each.owner}  signs {each.signs}{ended}"
        yield f"  thumbprint {each.public.thumbprint.hex()}"
        if each.signs == "statements":
            yield f"  kinds {', '.join(each.kinds)}"
        yield from (f"  {_span_text(log, span)}" for log, span in each.spans.items())
    if trust.witnesses:
        yield f"{trust.witness_threshold} of {len(trust.witnesses)} witnesses must co-sign a head"
    yield from (f"  {name}  {key.algorithm.name}  {key.kid.hex()}" for name, key in trust.witnesses.items())


def _trust_json(trust: TrustFile, known: Sequence[Known]) -> dict[str, Json]:
    return {
        "domain": trust.domain,
        "threshold": trust.current_roots().threshold,
        "acts": len(trust.acts),
        "keys": [_known_json(each) for each in known],
        "witness_threshold": trust.witness_threshold,
        "witnesses": {name: _key_json(key) for name, key in trust.witnesses.items()},
    }


def _known_json(known: Known) -> dict[str, Json]:
    return {
        **_key_json(known.public),
        "signs": known.signs,
        "owner": known.owner,
        "kinds": list(known.kinds),
        "logs": {
            log: {"first": span.first, "last": span.last, "compromised_from": span.compromised_from}
            for log, span in known.spans.items()
        },
        "ended": known.ended or None,
    }


def _key_json(key: PublicKey) -> dict[str, Json]:
    return {"kid": key.kid.hex(), "thumbprint": key.thumbprint.hex(), "algorithm": key.algorithm.name}


def _own_lines(key: PublicKey) -> Iterator[str]:
    yield f"{key.kid.hex()}  {key.algorithm.name}"
    yield f"  thumbprint {key.thumbprint.hex()}"
    yield f"  COSE_Key {key.cose_key.hex()}"


def _own_json(key: PublicKey) -> dict[str, Json]:
    return {**_key_json(key), "cose_key": key.cose_key.hex()}


def _set_lines(keys: Sequence[PublicKey], by_kid: Mapping[bytes, Known] | None) -> Iterator[str]:
    yield f"{len(keys)} keys; a set certifies nothing"
    for key in keys:
        owner = ""
        if by_kid is not None:
            known = by_kid.get(key.kid)
            owner = "  UNKNOWN to the trust file" if known is None else f"  {known.owner}  signs {known.signs}"
        yield f"{key.kid.hex()}  {key.algorithm.name}{owner}"
        yield f"  thumbprint {key.thumbprint.hex()}"


def _set_json(keys: Sequence[PublicKey], by_kid: Mapping[bytes, Known] | None) -> dict[str, Json]:
    if by_kid is None:
        return {"keys": [_key_json(key) for key in keys]}
    known = {key.kid: by_kid.get(key.kid) for key in keys}
    return {
        "keys": [
            _key_json(key) | {"known": None} if (one := known[key.kid]) is None else _known_json(one) for key in keys
        ]
    }
