"""Keys that live elsewhere: in an HSM behind PKCS#11, or behind a call to a key management service.

Each is a `SigningKey`. Whatever such a device answers is brought into COSE's form (r||s with low s) and verified with
the public key before anything else sees it: a signature that does not verify never becomes a statement or a head.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from importlib import import_module
from threading import Lock
from types import TracebackType
from typing import Final, Protocol, cast

from monazite_provenance.errors import BadField, UnsupportedAlgorithm
from monazite_provenance.keys import (
    Algorithm,
    PublicKey,
    ecdsa_low_s,
    ecdsa_raw_from_der,
    ed25519_public_key,
    p256_public_key,
)

_OCTET_STRING: Final = 4
_UNCOMPRESSED: Final = 4
_ED25519_POINT_BYTES: Final = 32
_P256_POINT_BYTES: Final = 65


class SignerFailed(RuntimeError):  # noqa: N818 - as in errors.py
    """The device gave no signature: it is away, locked, or lacks the key. A matter of operations; it proves nothing."""


class CallableSigner:
    """A key behind a function: a cloud's key management service, a signing daemon, another process."""

    def __init__(self, public: PublicKey, sign: Callable[[bytes], bytes], *, answers_der: bool = False) -> None:
        """`sign` gets the message, not its hash, and gives the signature; `answers_der` where ECDSA comes in DER.

        Raises BadField for `answers_der` with a key that is not ECDSA.
        """
        if answers_der and public.algorithm is not Algorithm.ESP256:
            raise BadField("only ECDSA signatures come in DER", field="answers_der")
        self.public = public
        self._sign = sign
        self._answers_der = answers_der

    def sign(self, message: bytes) -> bytes:
        """Signature over `message`. Raises BadSignature when the answer does not verify; what the function raises."""
        answer = self._sign(message)
        return _checked(self.public, ecdsa_raw_from_der(answer) if self._answers_der else answer, message)


class _Object(Protocol):
    """A key of python-pkcs11, as far as it is used here."""

    def __getitem__(self, attribute: object) -> object: ...

    def sign(self, data: bytes, *, mechanism: object) -> bytes: ...


class _Session(Protocol):
    def get_key(self, *, object_class: object, label: str) -> _Object: ...

    def close(self) -> None: ...


class _Token(Protocol):
    def open(self, *, user_pin: str) -> _Session: ...


class _Library(Protocol):
    def get_token(self, *, token_label: str) -> _Token: ...


class _Mechanisms(Protocol):
    EDDSA: object
    ECDSA: object


class _Classes(Protocol):
    PUBLIC_KEY: object
    PRIVATE_KEY: object


class _Attributes(Protocol):
    EC_POINT: object


class _Pkcs11(Protocol):
    """The module `pkcs11` of the distribution python-pkcs11."""

    Mechanism: _Mechanisms
    ObjectClass: _Classes
    Attribute: _Attributes

    def lib(self, path: str) -> _Library: ...


class Pkcs11Signer:
    """An Ed25519 or P-256 key in an HSM. Its private half never leaves it.

    Needs the extra `monazite-provenance[pkcs11]`. One session, so that one signature is made at a time; close it when
    done, or use it in a `with`.
    """

    def __init__(self, module: str, token: str, pin: str, label: str) -> None:
        """Open the key pair with this label: `module` is the path of the HSM's PKCS#11 library, `token` its label.

        Raises SignerFailed when the HSM, the token or the key is not there or the PIN is wrong, UnsupportedAlgorithm
        for a key that is neither Ed25519 nor P-256.
        """
        self._pkcs11 = cast("_Pkcs11", import_module("pkcs11"))
        self._lock = Lock()
        classes = self._pkcs11.ObjectClass
        try:
            self._session = self._pkcs11.lib(module).get_token(token_label=token).open(user_pin=pin)
        except Exception as error:
            raise SignerFailed("the HSM, its token or the PIN") from error
        try:
            point = self._session.get_key(object_class=classes.PUBLIC_KEY, label=label)[self._pkcs11.Attribute.EC_POINT]
            self._key = self._session.get_key(object_class=classes.PRIVATE_KEY, label=label)
            self.public = _public_key(cast("bytes", point))
        except UnsupportedAlgorithm:
            self._session.close()
            raise
        except Exception as error:
            self._session.close()
            raise SignerFailed("no such key pair in the HSM") from error

    def sign(self, message: bytes) -> bytes:
        """Signature over `message`. Raises BadSignature when it does not verify, SignerFailed when there is none."""
        mechanisms = self._pkcs11.Mechanism
        try:
            with self._lock:
                if self.public.algorithm is Algorithm.ED25519:
                    answer = self._key.sign(message, mechanism=mechanisms.EDDSA)
                else:
                    # Not every HSM hashes: CKM_ECDSA takes the digest, and answers r||s.
                    answer = self._key.sign(sha256(message).digest(), mechanism=mechanisms.ECDSA)
        except Exception as error:
            raise SignerFailed("the HSM did not sign") from error
        return _checked(self.public, answer, message)

    def close(self) -> None:
        """End the session. The signer signs no more."""
        self._session.close()

    def __enter__(self) -> Pkcs11Signer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _checked(public: PublicKey, signature: bytes, message: bytes) -> bytes:
    if public.algorithm is Algorithm.ESP256:
        signature = ecdsa_low_s(signature)
    public.verify(signature, message)
    return signature


def _public_key(point: bytes) -> PublicKey:
    """The key of a CKA_EC_POINT: a DER octet string around the point; some HSMs leave the wrapping out."""
    if len(point) > 2 and point[0] == _OCTET_STRING and point[1] == len(point) - 2:  # noqa: PLR2004 - tag and length
        point = point[2:]
    if len(point) == _ED25519_POINT_BYTES:
        return ed25519_public_key(point)
    if len(point) == _P256_POINT_BYTES and point[0] == _UNCOMPRESSED:
        return p256_public_key(point)
    raise UnsupportedAlgorithm("only Ed25519 and P-256 keys of an HSM sign statements")
