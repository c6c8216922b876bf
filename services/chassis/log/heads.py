"""Signs heads: once for a batch, with the log's own key, which signs nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from monazite_provenance.checkpoints import cosign, sign_checkpoint
from monazite_provenance.keys import Algorithm, SigningKey, SoftwareKey
from monazite_provenance.log_keys import LogKeyRing
from monazite_provenance.receipts import Head, SignedHead, parse_checkpoint, sign_head

from services.chassis.settings import BadSettings, Settings


@dataclass(frozen=True, slots=True)
class Published:
    """A head in all its forms: COSE checkpoint, C2SP text (empty where the key is not Ed25519, which it asks for), and
    the COSE checkpoint of a second key (empty where there is none)."""

    size: int
    root: bytes
    checkpoint: bytes
    note: str = ""
    cosigned: bytes = b""

    @classmethod
    def stored(cls, checkpoint: bytes, note: str, cosigned: bytes) -> Published:
        """As it was published; nothing is verified."""
        found = parse_checkpoint(checkpoint)
        return cls(found.head.size, found.root, checkpoint, note, cosigned)

    @property
    def signed_at(self) -> int:
        """When the log signed it, Unix seconds."""
        return parse_checkpoint(self.checkpoint).head.signed_at

    @property
    def signed(self) -> SignedHead:
        """What receipts are made of."""
        found = parse_checkpoint(self.checkpoint)
        head = Head(found.head.log, found.head.size, found.root, found.head.issuer, found.head.signed_at)
        return SignedHead(head, found.head.protected, found.head.signature)


class HeadSigner:
    """The log's keys. `second`, an ML-DSA key, signs the same heads for those who want to trust neither kind alone."""

    def __init__(
        self, log: str, issuer: str, key: SigningKey, keys: LogKeyRing, second: SigningKey | None = None
    ) -> None:
        """`issuer` owns the keys, which `keys` know. Raises BadSettings for a key that the root did not certify for
        this log."""
        self.log = log
        self.issuer = issuer
        self._key = key
        self._second = second
        self._keys = keys
        for each in self.all:
            found = keys.find_log_key(each.public.kid)
            if found is None or found.issuer != issuer or log not in found.logs:
                raise BadSettings(f"log_signing_key: the root certified no key {each.public.kid.hex()} for {log}")

    @classmethod
    def of(cls, settings: Settings, issuer: str, keys: LogKeyRing) -> HeadSigner:
        """From the files that settings name. Raises BadSettings, ProvenanceError or OSError."""
        key, second = settings.log_signing_key, settings.log_cosigning_key
        return cls(
            settings.log_name,
            issuer,
            SoftwareKey.from_pem(key.read_bytes()),
            keys,
            None if second is None else SoftwareKey.from_pem(second.read_bytes()),
        )

    @property
    def all(self) -> tuple[SigningKey, ...]:
        """The keys that sign heads."""
        return (self._key,) if self._second is None else (self._key, self._second)

    def sign(self, size: int, root: bytes, signed_at: int) -> Published:
        """The head in all its forms; `signed_at` in Unix seconds. Raises the KeyProblem family for a key that is not
        good at this size, and what the key raises."""
        checkpoint, *more = (
            self._checkpoint(key, Head(self.log, size, root, self.issuer, signed_at)) for key in self.all
        )
        return Published(size, root, checkpoint, self._note(size, root, signed_at), more[0] if more else b"")

    def _checkpoint(self, key: SigningKey, head: Head) -> bytes:
        certified = self._keys.find_log_key(key.public.kid)
        assert certified is not None  # noqa: S101 - looked at when this was made
        certified.check(head.log, head.size)
        return sign_head(head, key).checkpoint()

    def _note(self, size: int, root: bytes, signed_at: int) -> str:
        if self._key.public.algorithm is not Algorithm.ED25519:
            return ""
        note = sign_checkpoint(self.log, size, root, self._key)
        if self._second is not None and self._second.public.algorithm is Algorithm.ML_DSA_44:
            note = cosign(note, self.log, self._second, timestamp_s=signed_at)
        return note
