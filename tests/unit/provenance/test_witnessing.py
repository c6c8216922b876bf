"""What witnesses co-signed travels in a bundle's head: k of n of them, of the heads that it rests on, or a gap."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance import bundle
from monazite_provenance._cbor import Encodable, encode
from monazite_provenance._registration import Heads
from monazite_provenance.bundle import Cosigned, Joint
from monazite_provenance.chain import BundleVerifier, verify_bundle
from monazite_provenance.checkpoints import (
    CHECKPOINT_BYTES_MAX,
    LINES_MAX,
    cosign,
    joined,
    parse_checkpoint_text,
    sign_checkpoint,
)
from monazite_provenance.errors import BadField, Malformed, TooLarge
from monazite_provenance.keys import PublicKey, SoftwareKey
from monazite_provenance.names import log_urn
from monazite_provenance.receipts import parse_checkpoint
from monazite_provenance.report import LotReport, Verdict
from monazite_provenance.witnessing import add_cosignatures, judge, nth_largest, renewed

from tests.unit.provenance.chains import AT_S, LOG, NOW_S, mined
from tests.unit.provenance.logs import LogRing
from tests.unit.provenance.registers import Register
from tests.unit.provenance.witnesses import NAMES, carrying, cosigned, joined_to, note, witness_keys

QUOTA_LOG = log_urn("quota")
KEYS = witness_keys()
WORLD, HEAD = mined()
REGISTERS = WORLD.registers.logs
REGISTRY, QUOTA = REGISTERS[LOG], REGISTERS[QUOTA_LOG]
STRANGER = SoftwareKey.generate()
PUBLIC = {name: key.public for name, key in KEYS.items()}
RAW = carrying(WORLD, HEAD, [])


def judged(witnessed: Sequence[Cosigned], threshold: int = 2) -> LotReport:
    """The report under a trust file that demands that many of the three witnesses."""
    trust = WORLD.trust.with_witnesses(PUBLIC, threshold)
    return verify_bundle([carrying(WORLD, HEAD, witnessed)], trust, at=AT_S)


def signed(register: Register, *names: str) -> Cosigned:
    """The log's newest head, co-signed."""
    return Cosigned(cosigned(note(register), KEYS, names))


def all_of(*names: str) -> list[Cosigned]:
    """Both logs' newest heads, co-signed."""
    return [signed(REGISTRY, *names), signed(QUOTA, *names)]


def test_a_bundle_with_co_signed_heads_is_verified() -> None:
    report = judged(all_of(*NAMES[:2]))
    assert report.verdict is Verdict.VERIFIED
    assert [(seen.head.log, dict(seen.by)) for seen in report.witnessed] == [
        (log, {NAMES[0]: NOW_S, NAMES[1]: NOW_S + 1}) for log in (QUOTA_LOG, LOG)
    ]
    shown = report.as_json()["witnessed"]
    assert isinstance(shown, list)
    assert shown[1] == {
        "log": LOG, "size": REGISTRY.size, "by": {NAMES[0]: NOW_S, NAMES[1]: NOW_S + 1}, "bad": []
    }  # fmt: skip


def test_without_them_it_is_a_gap_of_each_head() -> None:
    report = judged([])
    assert [(gap.code, gap.metadata["log"], gap.metadata["witnesses"]) for gap in report.not_checked] == [
        ("NOT_WITNESSED", QUOTA_LOG, "0"),
        ("NOT_WITNESSED", LOG, "0"),
    ]
    assert verify_bundle([RAW], WORLD.trust, at=AT_S).witnessed == ()


def test_a_gap_says_how_far_enough_witnesses_have_come() -> None:
    """Each by its own word: one at the fourth entry and one at the third have both seen the third."""
    world, _ = mined()
    register = world.registers.logs[LOG]
    size = register.size
    smaller = [
        Cosigned(cosigned(note(register, size - 1), KEYS, NAMES[:1])),
        Cosigned(cosigned(note(register, size - 2), KEYS, NAMES[1:2])),
    ]
    (gap,) = [each for each in judged([*smaller, signed(QUOTA, *NAMES)]).not_checked if each.metadata["log"] == LOG]
    assert (gap.metadata["size"], gap.metadata["witnesses"]) == (str(REGISTRY.size), "0")
    assert gap.metadata["witnessed_size"] == str(size - 2)
    (gap,) = judged([smaller[0], signed(QUOTA, *NAMES)]).not_checked
    assert gap.metadata["witnessed_size"] == "0"


@given(st.lists(st.integers(1, 9), max_size=6), st.integers(1, 6))
def test_a_size_is_reached_by_so_many_and_none_larger_is(sizes: list[int], number: int) -> None:
    reached = nth_largest(sizes, number)
    assert sum(size > reached for size in sizes) < number
    assert reached == 0 if len(sizes) < number else sum(size >= reached for size in sizes) >= number


def test_of_a_status_that_is_replaced_what_only_its_head_rested_on_goes() -> None:
    world, head = mined()
    register = world.registers.logs[LOG]
    sizes = [register.size]
    texts = [cosigned(note(register), KEYS, NAMES[:2])]
    opened = bundle.read([carrying(world, head, [Cosigned(texts[0]), signed(QUOTA, *NAMES), Cosigned("no note")])])
    for _ in range(3):
        register.append(bytes(32))
        sizes.append(register.size)
        texts.append(cosigned(note(register), KEYS, NAMES[:2]))

    def with_status_at(carried: tuple[Cosigned, ...], before: int, now: int) -> tuple[Cosigned, ...]:
        former = parse_checkpoint(register.head(NOW_S, sizes[before]).checkpoint()).head
        return renewed(carried, opened.listings, former, [Cosigned(texts[now])])

    once = with_status_at(opened.cosigned, 0, 1)
    assert once == (*opened.cosigned, Cosigned(texts[1])), "what the bundle's own receipts rest on stays"
    assert with_status_at(once, 1, 2) == (*opened.cosigned, Cosigned(texts[2]))
    joint = joined_to(register, texts[3], sizes[:1], sizes[3])
    assert joint in with_status_at((*once, joint), 3, 2), "a path leads to it from there"
    assert renewed(opened.cosigned, opened.listings, None, []) == opened.cosigned


def test_one_log_of_two_is_not_enough() -> None:
    report = judged([signed(REGISTRY, *NAMES)])
    assert [(gap.code, gap.metadata["log"]) for gap in report.not_checked] == [("NOT_WITNESSED", QUOTA_LOG)]


@given(
    threshold=st.integers(1, 3),
    lines=st.tuples(*[st.lists(st.sampled_from([*NAMES, "stranger"]), max_size=6)] * 2),
    in_one_text=st.booleans(),
)
def test_k_of_n_distinct_witnesses_of_each_head(
    threshold: int, lines: tuple[list[str], list[str]], in_one_text: bool
) -> None:
    keys = {**KEYS, "stranger": STRANGER}
    witnessed: list[Cosigned] = []
    for register, names in zip((REGISTRY, QUOTA), lines, strict=True):
        for some in [names] if in_one_text else [[name] for name in names]:
            witnessed.append(Cosigned(cosigned(note(register), keys, some)))
    report = judged(witnessed, threshold)
    enough = all(len(set(names) & set(NAMES)) >= threshold for names in lines)
    assert report.verdict is (Verdict.VERIFIED if enough else Verdict.VERIFIED_WITH_GAPS)
    assert report.gap_codes() <= {"NOT_WITNESSED"}


def test_a_later_head_that_goes_on_from_the_bundles() -> None:
    world, head = mined()
    rested = {log: world.registers.logs[log].size for log in (LOG, QUOTA_LOG)}
    raw = carrying(world, head, [])
    for log in rested:
        for _ in range(9):
            world.registers.logs[log].append(bytes(32))
    trust = world.trust.with_witnesses(PUBLIC, 2)

    def with_paths(**paths: list[int]) -> LotReport:
        opened = bundle.read([raw])
        more: list[Cosigned] = []
        for log, size in rested.items():
            register = world.registers.logs[log]
            text = cosigned(note(register), KEYS, NAMES[:2])
            more.append(joined_to(register, text, paths.get("sizes", [size]), register.size))
        whole = b"".join(bundle.write(opened.target, opened.pieces, opened.listings, more))
        return verify_bundle([whole], trust, at=AT_S)

    assert with_paths().verdict is Verdict.VERIFIED
    # Without the path, or with one from another size, nothing says that the one head goes on from the other.
    assert with_paths(sizes=[]).gap_codes() == {"NOT_WITNESSED"}
    assert with_paths(sizes=[1]).gap_codes() == {"NOT_WITNESSED"}


def test_a_path_that_does_not_lead_there_and_a_smaller_head_count_for_nothing() -> None:
    text = cosigned(note(REGISTRY), KEYS, NAMES)
    wrong = Cosigned(text, (Joint(1, (bytes(32),)),))
    assert judged([wrong, signed(QUOTA, *NAMES)]).verdict is Verdict.VERIFIED
    smaller = Cosigned(cosigned(note(REGISTRY, REGISTRY.size - 1), KEYS, NAMES))
    report = judged([smaller, signed(QUOTA, *NAMES)])
    assert [(gap.code, gap.metadata["log"]) for gap in report.not_checked] == [("NOT_WITNESSED", LOG)]


def test_co_signatures_of_another_root_that_the_log_did_not_sign_count_for_nothing() -> None:
    forged = sign_checkpoint(LOG, REGISTRY.size, bytes(32), SoftwareKey.generate())
    report = judged([Cosigned(cosigned(forged, KEYS, NAMES)), *all_of(*NAMES[:2])])
    assert report.verdict is Verdict.VERIFIED


@pytest.mark.parametrize("threshold", [0, 2])
def test_another_root_that_the_log_signed_too_convicts_it(threshold: int) -> None:
    forked = sign_checkpoint(LOG, REGISTRY.size, bytes(32), REGISTRY.key)
    trust = WORLD.trust.with_witnesses(PUBLIC, threshold) if threshold else WORLD.trust
    report = verify_bundle([carrying(WORLD, HEAD, [Cosigned(forked)])], trust, at=AT_S)
    assert report.verdict is Verdict.REFUTED
    assert report.failure is not None
    assert report.failure.code == "LOG_FORKED"
    assert report.failure.evidence == (REGISTRY.head(NOW_S).checkpoint(), forked.encode())


def with_lines_of_another_head(register: Register, *names: str) -> Cosigned:
    """The newest head with lines that these witnesses made for the one before."""
    other = cosigned(note(register, register.size - 1), KEYS, names)
    return Cosigned(note(register) + "".join(other.splitlines(keepends=True)[-len(names) :]))


def test_a_line_that_its_witness_did_not_make_is_said() -> None:
    report = judged([with_lines_of_another_head(REGISTRY, *NAMES), signed(QUOTA, *NAMES)])
    assert report.verdict is Verdict.VERIFIED_WITH_GAPS
    assert [(gap.code, gap.metadata["witnesses"]) for gap in report.not_checked] == [
        ("NOT_WITNESSED", "0"),
        ("BAD_COSIGNATURE", ", ".join(NAMES)),
    ]
    # Beside enough good ones it vetoes nothing, and is said all the same.
    report = judged([with_lines_of_another_head(REGISTRY, NAMES[2]), *all_of(*NAMES[:2])])
    assert report.verdict is Verdict.VERIFIED
    assert [seen.bad for seen in report.witnessed] == [(), (NAMES[2],)]
    # A witness of whom there is a good line too is no suspect.
    report = judged([with_lines_of_another_head(REGISTRY, NAMES[0]), *all_of(*NAMES[:2])])
    assert [seen.bad for seen in report.witnessed] == [(), ()]


def test_one_key_under_two_names_is_one_witness() -> None:
    keys = {**KEYS, "alias": KEYS[NAMES[0]]}
    trust = WORLD.trust.with_witnesses({name: key.public for name, key in keys.items()}, 2)
    witnessed = [Cosigned(cosigned(note(each), keys, [NAMES[0], "alias"])) for each in (REGISTRY, QUOTA)]
    report = verify_bundle([carrying(WORLD, HEAD, witnessed)], trust, at=AT_S)
    assert report.gap_codes() == {"NOT_WITNESSED"}


@pytest.mark.parametrize("text", ["", "junk", "urn:x\n1\n", note(REGISTRY).replace("1", "01", 1)])
def test_a_text_that_cannot_be_read_counts_for_nothing(text: str) -> None:
    assert judged([Cosigned(text), *all_of(*NAMES[:2])]).verdict is Verdict.VERIFIED


def test_the_statuss_own_head_is_to_be_witnessed_too() -> None:
    world, head = mined()
    listings = world.registers.listings(world.items, NOW_S)
    before = {log: world.registers.logs[log].size for log in (LOG, QUOTA_LOG)}
    for _ in range(3):
        world.registers.logs[LOG].append(bytes(32))
    texts = [Cosigned(cosigned(note(world.registers.logs[log], size), KEYS, NAMES[:2])) for log, size in before.items()]
    trust = world.trust.with_witnesses(PUBLIC, 2)
    for status, missing in ((False, set[str]()), (True, {"NOT_WITNESSED"})):
        items = [*world.items, *([world.status(head)] if status else [])]
        raw = b"".join(bundle.write(head, items, listings, texts))
        assert verify_bundle([raw], trust, at=AT_S).gap_codes() - {"ABSENCE"} == missing


def test_a_verifier_that_goes_on_judges_the_witnesses_of_each_bundle() -> None:
    verifier = BundleVerifier(WORLD.trust.with_witnesses(PUBLIC, 2))
    for witnessed, verdict in (
        ([], Verdict.VERIFIED_WITH_GAPS),
        (all_of(*NAMES[:2]), Verdict.VERIFIED),
        ([], Verdict.VERIFIED_WITH_GAPS),
    ):
        assert verifier.verify([carrying(WORLD, HEAD, witnessed)], at=AT_S).verdict is verdict


def test_a_line_is_verified_once_however_many_heads_its_text_covers(monkeypatch: pytest.MonkeyPatch) -> None:
    name = NAMES[0]
    line = parse_checkpoint_text(cosigned(note(REGISTRY), KEYS, [name])).signatures[-1]
    text = note(REGISTRY)
    for number in range(LINES_MAX - 1):
        spoilt = line.key_hash + line.signature[:-1] + bytes([line.signature[-1] ^ (number + 1)])
        text += f"\N{EM DASH} {name} {base64.b64encode(spoilt).decode()}\n"
    wanted = [REGISTRY.head(NOW_S, size).head for size in range(1, REGISTRY.size + 1)]
    copies = [joined_to(REGISTRY, text, range(1, REGISTRY.size), REGISTRY.size)] * 2
    elsewhere = signed(QUOTA, *NAMES)
    verified: list[bytes] = []
    real = PublicKey.verify

    def counted(key: PublicKey, signature: bytes, message: bytes) -> None:
        verified.append(signature)
        real(key, signature, message)

    monkeypatch.setattr(PublicKey, "verify", counted)
    seen, gaps = judge(copies, {name: PUBLIC[name]}, 1, wanted=wanted, heads=Heads(), keys=LogRing())
    assert len(wanted) > 1
    assert [(each.by, each.bad) for each in seen] == [({}, (name,))] * len(wanted)
    assert {gap.code for gap in gaps} == {"NOT_WITNESSED", "BAD_COSIGNATURE"}
    assert len(verified) == (LINES_MAX - 1) * len(copies)
    verified.clear()
    # Of another log, and so of no head that is asked about.
    judge([elsewhere], PUBLIC, 1, wanted=wanted, heads=Heads(), keys=LogRing())
    assert not verified


# Adding them to a bundle, and the form of its head.


def test_co_signatures_are_added_to_a_bundle_and_its_items_stay() -> None:
    first, second = (note(REGISTRY), cosigned(note(QUOTA), KEYS, NAMES[:2]))
    once = list(add_cosignatures([RAW], [cosigned(first, KEYS, NAMES[:1]), second]))
    twice = list(add_cosignatures(once, [cosigned(first, KEYS, NAMES[1:2]), second]))
    assert once[1:] == twice[1:] == list(bundle.read([RAW]).pieces)
    trust = WORLD.trust.with_witnesses(PUBLIC, 2)
    assert verify_bundle(once, trust, at=AT_S).gap_codes() == {"NOT_WITNESSED"}
    assert verify_bundle(twice, trust, at=AT_S).verdict is Verdict.VERIFIED
    assert list(add_cosignatures(twice, [first, second])) == twice
    assert b"".join(add_cosignatures([RAW], [])) == RAW


def test_a_receipt_of_consistency_is_added_as_a_path() -> None:
    world, head = mined()
    raw = carrying(world, head, [])
    logs = [world.registers.logs[log] for log in (LOG, QUOTA_LOG)]
    rested = [register.size for register in logs]
    for register in logs:
        register.append(bytes(32))
    receipts = [
        register.head(NOW_S).consistency(size, register.consistency(size, register.size))
        for register, size in zip(logs, rested, strict=True)
    ]
    texts = [cosigned(note(register), KEYS, NAMES[:2]) for register in logs]
    trust = world.trust.with_witnesses(PUBLIC, 2)
    assert verify_bundle(add_cosignatures([raw], texts), trust, at=AT_S).gap_codes() == {"NOT_WITNESSED"}
    assert verify_bundle(add_cosignatures([raw], texts, receipts), trust, at=AT_S).verdict is Verdict.VERIFIED
    with pytest.raises(BadField):
        list(add_cosignatures([raw], texts[:1], receipts))
    with pytest.raises(Malformed):
        list(add_cosignatures([raw], texts, [b"junk"]))


def added(witnessed: Sequence[Cosigned], *texts: str, receipts: Sequence[bytes] = ()) -> tuple[Cosigned, ...]:
    """What a bundle says that was co-signed when these are added, which the second time changes nothing."""
    once = b"".join(add_cosignatures([carrying(WORLD, HEAD, witnessed)], texts, receipts))
    found = bundle.read([once]).cosigned
    assert bundle.read(add_cosignatures([once], texts, receipts)).cosigned == found
    return found


def test_what_cannot_be_read_stays_and_is_not_in_the_way() -> None:
    junk = Cosigned("junk", (Joint(3, (bytes(32),)),))
    text = signed(REGISTRY, *NAMES).checkpoint
    assert added([junk], text) == (junk, Cosigned(text))
    assert judged(added([junk], *(each.checkpoint for each in all_of(*NAMES)))).verdict is Verdict.VERIFIED


LIE = (bytes([1]) * 32,)


def later(*names: str) -> tuple[Register, str]:
    """The registry's log with one more entry, and its head co-signed."""
    register = Register(LOG, REGISTRY.issuer, REGISTRY.key)
    for index in range(REGISTRY.size):
        register.append(REGISTRY.leaf(index))
    register.append(bytes(32))
    return register, cosigned(note(register), KEYS, names)


def test_of_two_paths_from_one_size_neither_takes_the_other_away() -> None:
    register, text = later(*NAMES[:1])
    wrong = Cosigned(text, (Joint(REGISTRY.size, LIE),))
    right = joined_to(register, text, [REGISTRY.size], register.size)
    quota = signed(QUOTA, *NAMES[:2])
    # A line that is added counts with the right one.
    more = cosigned(note(register), KEYS, NAMES[1:2])
    for before in ([wrong, right], [right, wrong]):
        assert added([*before, quota]) == (*before, quota)
        assert judged([*before, quota]).gap_codes() == {"NOT_WITNESSED"}
        assert judged(added([*before, quota], more)).verdict is Verdict.VERIFIED
    # So does a path that comes later, and one that is wrong takes nothing away.
    (joint,) = right.joints
    receipt = register.head(NOW_S).consistency(joint.size, joint.path)
    _register, both = later(*NAMES[:2])
    found = added([Cosigned(both, wrong.joints), quota], receipts=[receipt])
    assert found == (Cosigned(both, wrong.joints), quota, Cosigned(both, right.joints))
    assert judged(found).verdict is Verdict.VERIFIED
    lie = register.head(NOW_S).consistency(joint.size, LIE)
    found = added([Cosigned(both, right.joints), quota], receipts=[lie])
    assert judged(found).verdict is Verdict.VERIFIED


def full_of_strangers(text: str) -> str:
    """The text with as many lines as it takes, none of them a witness's."""
    while text.count("\n") < 4 + LINES_MAX:
        text = cosign(text, f"stranger/{text.count(chr(10))}", STRANGER, timestamp_s=1)
    return text


def test_lines_of_strangers_keep_no_witness_out() -> None:
    full = Cosigned(full_of_strangers(note(REGISTRY)))
    more = signed(REGISTRY, *NAMES[:2])
    assert added([full], more.checkpoint) == (full, more)
    assert judged(added([full], more.checkpoint, signed(QUOTA, *NAMES).checkpoint)).verdict is Verdict.VERIFIED
    # The path of the one that is full leads to the new one too.
    register, text = later(*NAMES[:2])
    full = joined_to(register, full_of_strangers(note(register)), [REGISTRY.size], register.size)
    assert judged(added([full, signed(QUOTA, *NAMES)], text)).verdict is Verdict.VERIFIED


def test_a_path_too_many_goes_into_a_second_entry() -> None:
    register, text = later(*NAMES[:2])
    others = [size for size in range(1, bundle.JOINTS_MAX + 2) if size != REGISTRY.size][: bundle.JOINTS_MAX]
    crowded = Cosigned(text, joints(set(others)))
    (joint,) = joined_to(register, text, [REGISTRY.size], register.size).joints
    receipt = register.head(NOW_S).consistency(joint.size, joint.path)
    assert added([crowded], receipts=[receipt]) == (crowded, Cosigned(text, (joint,)))


def test_lines_too_long_for_one_text_are_in_two() -> None:
    text = note(REGISTRY)
    filling = base64.b64encode(bytes(CHECKPOINT_BYTES_MAX // 2)).decode()
    long = Cosigned(f"{text}\N{EM DASH} stranger {filling}\n")
    other = long.checkpoint.replace("stranger", "another1")
    with pytest.raises(TooLarge):
        joined(long.checkpoint, other)
    assert added([long], other) == (long, Cosigned(other))


def test_lines_of_two_texts_are_joined_once_each() -> None:
    text = note(REGISTRY)
    left, right = cosigned(text, KEYS, NAMES[:2]), cosigned(text, KEYS, NAMES[:1])
    assert joined(left, right) == left
    assert joined(text, left) == left
    assert joined(right, cosigned(text, KEYS, [NAMES[2]])).count("\n") == text.count("\n") + 2
    with pytest.raises(BadField):
        joined(text, note(QUOTA))
    full = text
    for later in range(LINES_MAX - 1):
        full = cosign(full, "w", KEYS[NAMES[0]], timestamp_s=later)
    with pytest.raises(TooLarge):
        joined(full, left)


PATH = (bytes(32),)
TOO_MANY = [Cosigned("x")] * (bundle.COSIGNED_MAX + 1)
OTHER_FORMS: list[tuple[Encodable, type[Malformed]]] = [
    ([], BadField),
    (7, BadField),
    ([7], BadField),
    ([["x"]], BadField),
    ([[b"x", []]], BadField),
    ([["x", 7]], BadField),
    ([["x", [7]]], BadField),
    ([["x", [[0, []]]]], BadField),
    ([["x", [[True, []]]]], BadField),
    ([["x", [[1, [b"short"]]]]], BadField),
    ([["x", [[1, [7]]]]], BadField),
    ([["x", [[1, [bytes(32)] * 64]]]], BadField),
    ([["x", [[2, []], [1, []]]]], BadField),
    ([["x", [[1, []], [1, []]]]], BadField),
    ([["x", [[size, []] for size in range(1, 66)]]], TooLarge),
    ([["x", []]] * 65, TooLarge),
]


def joints(sizes: set[int]) -> tuple[Joint, ...]:
    """A path of one hash from each size."""
    return tuple(Joint(size, PATH) for size in sorted(sizes))


@given(
    st.lists(
        st.builds(
            Cosigned,
            st.text(max_size=40),
            st.sets(st.integers(1, 2**62), max_size=4).map(joints),
        ),
        max_size=5,
    )
)
def test_what_is_written_into_a_head_is_read_again(witnessed: list[Cosigned]) -> None:
    opened = bundle.read(bundle.write(HEAD, [], (), witnessed))
    assert opened.cosigned == tuple(witnessed)


@pytest.mark.parametrize(
    ("witnessed", "error"),
    [
        (TOO_MANY, TooLarge),
        ([Cosigned("x", tuple(Joint(size, ()) for size in range(1, bundle.JOINTS_MAX + 2)))], TooLarge),
        ([Cosigned("x" * bundle.HEAD_BYTES_MAX)], TooLarge),
    ],
)
def test_bounds_of_a_head_when_writing(witnessed: list[Cosigned], error: type[Malformed]) -> None:
    with pytest.raises(error):
        list(bundle.write(HEAD, [], (), witnessed))


@pytest.mark.parametrize(("member", "error"), OTHER_FORMS)
def test_a_head_of_another_form(member: Encodable, error: type[Malformed]) -> None:
    with pytest.raises(error):
        bundle.read([encode([1, HEAD.encode(), [], member])])
    with pytest.raises(BadField):
        bundle.read([encode([1, HEAD.encode(), [], [["x", []]], []])])
