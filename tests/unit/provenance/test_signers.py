"""Keys that live elsewhere: SoftHSM behind PKCS#11, and functions that answer well, badly and not at all."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from monazite_provenance import CertifiedKey, Verifier, draft
from monazite_provenance.errors import BadField, BadSignature, UnsupportedAlgorithm
from monazite_provenance.keys import SIGNATURE_LENGTHS, Algorithm, PublicKey, SigningKey, SoftwareKey, ecdsa_low_s
from monazite_provenance.log_keys import LogKey
from monazite_provenance.places import LogSpan
from monazite_provenance.receipts import HeadVerifier
from monazite_provenance.signers import CallableSigner, Pkcs11Signer, SignerFailed

from tests.unit.provenance.examples import CLAIMS, ENTERPRISE, Ring
from tests.unit.provenance.logs import LOG, SERVICE, Log, LogRing, entries, leaf

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
LIBRARIES = (Path("/usr/lib/softhsm/libsofthsm2.so"), Path("/usr/local/lib/softhsm/libsofthsm2.so"))
TOKEN = "monazite"  # noqa: S105 - its label
PIN = "1234"


def test_a_function_signs() -> None:
    for algorithm in Algorithm:
        key = SoftwareKey.generate(algorithm)
        signer: SigningKey = CallableSigner(key.public, key.sign)
        signature = signer.sign(b"message")
        key.public.verify(signature, b"message")
        assert len(signature) == SIGNATURE_LENGTHS[algorithm]


def test_a_function_that_answers_der_with_either_s() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    public = PublicKey(private.public_key())
    seen: set[bool] = set()

    def sign(message: bytes) -> bytes:
        answer = private.sign(message, ec.ECDSA(hashes.SHA256()))
        seen.add(decode_dss_signature(answer)[1] > P256_ORDER // 2)
        return answer

    signer = CallableSigner(public, sign, answers_der=True)
    for turn in range(64):
        public.verify(signer.sign(bytes((turn,))), bytes((turn,)))
    assert seen == {True, False}


def test_a_function_that_answers_high_s() -> None:
    key = SoftwareKey.generate(Algorithm.ESP256)

    def sign(message: bytes) -> bytes:
        low = key.sign(message)
        return low[:32] + (P256_ORDER - int.from_bytes(low[32:], "big")).to_bytes(32, "big")

    with pytest.raises(BadSignature):
        key.public.verify(sign(b"message"), b"message")
    key.public.verify(CallableSigner(key.public, sign).sign(b"message"), b"message")


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_answers_that_do_not_verify(algorithm: Algorithm) -> None:
    key, other = SoftwareKey.generate(algorithm), SoftwareKey.generate(algorithm)
    answers: list[Callable[[bytes], bytes]] = [
        other.sign,
        lambda message: key.sign(message + b"!"),
        lambda _: b"",
        lambda _: bytes(64),
    ]
    for sign in answers:
        with pytest.raises(BadSignature):
            CallableSigner(key.public, sign).sign(b"message")
    if algorithm is Algorithm.ESP256:
        with pytest.raises(BadSignature):
            CallableSigner(key.public, key.sign, answers_der=True).sign(b"message")
    else:
        with pytest.raises(BadField):
            CallableSigner(key.public, key.sign, answers_der=True)


def test_low_s() -> None:
    for bad in (b"", bytes(63), bytes(32) + P256_ORDER.to_bytes(32, "big")):
        with pytest.raises(BadSignature):
            ecdsa_low_s(bad)


def test_a_function_that_fails_says_so_itself() -> None:
    def away(message: bytes) -> bytes:
        raise TimeoutError(len(message))

    with pytest.raises(TimeoutError):
        CallableSigner(SoftwareKey.generate().public, away).sign(b"message")


def test_the_library_is_not_imported_before_it_is_used() -> None:
    code = "import sys, monazite_provenance.signers; sys.exit('pkcs11' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """SoftHSM with a token of its own."""
    found = next((str(path) for path in LIBRARIES if path.exists()), None)
    if found is None:
        pytest.skip("SoftHSM is not installed (Debian: softhsm2)")
    pytest.importorskip("pkcs11")
    directory = tmp_path_factory.mktemp("softhsm")
    tokens = directory / "tokens"
    tokens.mkdir()
    config = directory / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\n")
    with pytest.MonkeyPatch.context() as patch:
        # Read once, when the library is loaded into this process.
        patch.setenv("SOFTHSM2_CONF", str(config))
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", TOKEN, "--pin", PIN, "--so-pin", PIN],
            check=True,
            capture_output=True,
        )
        _generate(found)
        yield found


def _generate(library: str) -> None:
    """A key pair for each algorithm, made inside the token."""
    import pkcs11  # noqa: PLC0415 - an optional dependency

    with pkcs11.lib(library).get_token(token_label=TOKEN).open(user_pin=PIN, rw=True) as session:
        for label, kind, parameters in (
            ("ed25519", pkcs11.KeyType.EC_EDWARDS, bytes.fromhex("130c656477617264733235353139")),
            ("p256", pkcs11.KeyType.EC, bytes.fromhex("06082a8648ce3d030107")),
            ("p384", pkcs11.KeyType.EC, bytes.fromhex("06052b81040022")),
        ):
            domain = session.create_domain_parameters(kind, {pkcs11.Attribute.EC_PARAMS: parameters}, local=True)
            domain.generate_keypair(store=True, label=label)


@pytest.mark.parametrize(("label", "algorithm"), [("ed25519", Algorithm.ED25519), ("p256", Algorithm.ESP256)])
def test_an_hsm_signs_statements_and_heads(library: str, label: str, algorithm: Algorithm) -> None:
    with Pkcs11Signer(library, TOKEN, PIN, label) as signer:
        assert signer.public.algorithm is algorithm
        signature = signer.sign(b"message")
        signer.public.verify(signature, b"message")
        key = signer.public
        mine = draft(CLAIMS, (), b"\xa0", key).sign(signer)
        ring = Ring(CertifiedKey(key, ENTERPRISE, None, certified_by=None))
        assert Verifier(ring).verify(mine).claims.issuer == ENTERPRISE
        log = Log(entries(9), key=signer)
        heads = HeadVerifier(LogRing(LogKey(key, SERVICE, {LOG: LogSpan(0)})))
        assert heads.verify_receipt(log.receipt(4), leaf("entry 4")).index == 4


def test_many_threads_share_one_hsm_session(library: str) -> None:
    with Pkcs11Signer(library, TOKEN, PIN, "p256") as signer, ThreadPoolExecutor(4) as pool:
        messages = [bytes((turn,)) * 40 for turn in range(32)]
        signatures = list(pool.map(signer.sign, messages))
        for message, signature in zip(messages, signatures, strict=True):
            signer.public.verify(signature, message)
        assert len(set(signatures)) == len(messages)


def test_an_hsm_that_has_no_such_key(library: str) -> None:
    for arguments in (
        ("/nowhere/module.so", TOKEN, PIN, "ed25519"),
        (library, "another", PIN, "ed25519"),
        (library, TOKEN, "4321", "ed25519"),
        (library, TOKEN, PIN, "unheard-of"),
    ):
        with pytest.raises(SignerFailed):
            Pkcs11Signer(*arguments)
    with pytest.raises(UnsupportedAlgorithm):
        Pkcs11Signer(library, TOKEN, PIN, "p384")


def test_a_session_that_was_closed(library: str) -> None:
    signer = Pkcs11Signer(library, TOKEN, PIN, "ed25519")
    signer.close()
    with pytest.raises(SignerFailed):
        signer.sign(b"message")


def test_an_hsm_that_signs_nonsense(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Pkcs11Signer(library, TOKEN, PIN, "p256") as signer:
        monkeypatch.setattr(signer, "public", SoftwareKey.generate(Algorithm.ESP256).public)
        with pytest.raises(BadSignature):
            signer.sign(b"message")
