"""A log in memory, with one key and a ring that knows it."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from monazite_provenance import tree
from monazite_provenance.keys import SigningKey, SoftwareKey
from monazite_provenance.log_keys import LogKey
from monazite_provenance.names import log_urn, service_uri
from monazite_provenance.places import LogSpan
from monazite_provenance.receipts import Head, SignedHead, sign_head

DOMAIN = "monazite.example"
SERVICE = service_uri(DOMAIN, "registry")
LOG = log_urn("registry")
NOW_S = 1_790_000_000
KEY = SoftwareKey.generate()


class LogRing:
    """A ring of the given log keys."""

    def __init__(self, *keys: LogKey) -> None:
        self._keys = {key.public.kid: key for key in keys}

    def find_log_key(self, kid: bytes) -> LogKey | None:
        """Exactly the key of this kid."""
        return self._keys.get(kid)


def log_key(key: SigningKey = KEY, span: LogSpan = LogSpan(0), log: str = LOG) -> LogKey:  # noqa: B008 - frozen
    """A key certified for a log of the registry."""
    return LogKey(key.public, SERVICE, {log: span})


RING = LogRing(log_key())


def leaf(entry: str) -> bytes:
    """Leaf hash of an entry that is only named."""
    return tree.leaf_hash(sha256(entry.encode()).digest())


class Log:
    """Entries are named by text; the nodes are stored as a service stores them."""

    def __init__(self, entries: Sequence[str] = (), name: str = LOG, key: SigningKey = KEY) -> None:
        self.name = name
        self.key = key
        self.leaves: list[bytes] = []
        self._nodes: dict[tree.Node, bytes] = {}
        self._frontier = tree.Frontier()
        self.append(entries)

    def append(self, entries: Sequence[str]) -> None:
        """More entries."""
        for entry in entries:
            self.leaves.append(leaf(entry))
            self._nodes.update(self._frontier.append(self.leaves[-1]))

    def head(self) -> SignedHead:
        """A signed head over all entries so far."""
        root = self._frontier.root
        return sign_head(Head(self.name, self._frontier.size, root, SERVICE, NOW_S), self.key)

    def path(self, index: int, size: int) -> list[bytes]:
        """Inclusion path of an entry."""
        return self._hashes(tree.inclusion_ranges(index, size))

    def consistency(self, old_size: int, size: int) -> list[bytes]:
        """Consistency path between two sizes."""
        return self._hashes(tree.consistency_ranges(old_size, size))

    def nodes(self, indexes: Sequence[int], size: int) -> list[bytes]:
        """What a proof of all these entries lists."""
        return self._hashes(tree.undisclosed_ranges(size, indexes))

    def receipt(self, index: int) -> bytes:
        """Receipt of an entry under a head over all entries so far."""
        head = self.head()
        return head.receipt(index, self.path(index, head.head.size))

    def _hashes(self, ranges: list[tree.Range]) -> list[bytes]:
        return [tree.range_hash(part, self._nodes.__getitem__) for part in ranges]


def entries(count: int, prefix: str = "entry") -> list[str]:
    """Names of that many entries."""
    return [f"{prefix} {index}" for index in range(count)]
