"""What an officer can do about a failed call, by reason. Reasons that are not here speak for themselves."""

from __future__ import annotations

from clients import errors

_CHECK_TLS = (
    "TLS failed before any service saw the call. Check that `authority` is the authority that signed the server's "
    "certificate, that the address is a name in that certificate, and that neither certificate has expired"
)

# `again`: with what a command that changes something is given again to get its first answer; nothing of one that reads.
_BY_REASON = {
    errors.TRANSPORT_TLS: _CHECK_TLS,
    errors.TRANSPORT_CUT: (
        "the connection was cut. Either the server stopped, or it does not accept this certificate: check that "
        "`certificate` and `key` belong together, come from the suite's authority and have not expired"
    ),
    errors.TRANSPORT_UNREACHABLE: "nothing answers at that address. Check [addresses] and that the service is running",
    errors.TRANSPORT_DEADLINE: (
        "no answer in time{carried_out}: give the command again{again}, or wait longer with --timeout"
    ),
    errors.TRANSPORT_WRONG_SERVICE: (
        "whatever listens at that address is not the service that was meant: check that [addresses] does not name one "
        "service's address for another's"
    ),
    errors.TRANSPORT_TOO_LARGE: "a message was larger than this client or the server takes: ask for smaller pages",
    errors.UNKNOWN_REASON: "this is no error of the suite: something else may be listening at that address",
    errors.PROPOSAL_DIFFERS: (
        "nothing was signed. Look at the case with `monazite cases show`; send it back with `monazite cases reject`"
    ),
    "INVALID_FIELDS": "correct the fields named above; nothing was changed",
    "NO_IDENTITY": "the certificate carries no SPIFFE id of this domain: use a certificate issued for the suite",
    "ACCESS_DENIED": "this is for callers of another kind than the one that this certificate names",
    "NOT_FOUND": "it does not exist, or it is not for this caller to see; the two look alike on purpose",
    "REQUEST_ID_REUSED": "the request id has been used for something else: leave --request-id out to get a fresh one",
    "CONFLICT": "somebody else changed the same thing at that moment: give the command again",
    "ALREADY_EXISTS": "it is there already, and nothing was changed",
    "LOT_HELD": "it may be used once the hold is released: see `monazite lot show`",
    "STALE": "the lot has moved on: look at it again with `monazite lot show`",
    "ETAG_MISMATCH": "the case has changed since it was read: look at it again with `monazite cases show`",
    "DEADLINE": "no answer in time: give the command again{again}",
    "INTERNAL": "the service failed: tell its operators the id above, and try again{again}",
    "UNAVAILABLE": "the service cannot answer now: give the command again{again}",
    "OVERLOADED": "the service has too much to do: give the command again later{again}",
    "PEER_UNAVAILABLE": "a service that this one needs is away: try again later{again}",
    "NO_INDICATOR": "correct --year or --batch, or enter it first (`monazite indicator enter`)",
    "ALLOCATION_OVER_TOTAL": "the year cannot bear it: see `monazite indicator list` and `monazite allocations`",
    "ALLOCATION_OVER_BATCH": "this batch cannot bear it: give less, or in the name of a batch that has some left",
    "ALLOCATION_IN_USE": (
        "take back less; or first take back what was handed on, and let reserved rights be released or revoked"
    ),
    "RECEIVER_NOT_LISTED": "have it put on the register first (`monazite enterprise register`), or correct the id",
    "NOT_IN_TRANSIT": "its holder has to offer it first: for export, under this licence",
    "QUOTA_EXCEEDED": "the account has too little left: see `monazite balances`",
    "NOT_YOUR_SUBSIDIARY": "quota is not tradable: the nation gives to groups, a group to its own subsidiaries",
    "INDICATOR_EXISTS": "this batch was entered before: see `monazite indicator list`",
    "SAME_OFFICER": "whoever proposes may not countersign: another officer has to",
    "CASE_STATE": "the case is not at that point: see `monazite cases show`",
    "LICENCE_NOT_USABLE": (
        "see its state with `monazite licences show`: one that is suspended may be reinstated, one that has "
        "ended takes a new application"
    ),
    "UNKNOWN_WITNESS": (
        "co-sign with the key that the service's trust file has under this name, or have the trust file name "
        "the witness"
    ),
    "PROVENANCE_REFUSED": "the lots' provenance does not verify: see the findings above and `monazite lot trace`",
}


def advice(reason: str, *, changes: bool = False, act_id: str = "", gaps: str = "") -> str:
    """One sentence that says what to do; empty where the message has said it. `changes`: the command carries a request
    id, or the id of the act of export that it is about, `act_id`. `gaps`: those of a refused lot, their codes with
    commas between.
    """
    if act_id and reason == "REQUEST_ID_REUSED":
        return f"the act stands as it was given first: look at it with `monazite exports show {act_id}`"
    if act_id and reason == "LOT_HELD":
        return "nothing of this act may leave: once the hold is released, declare the lots anew under another act id"
    if reason == "PROVENANCE_REFUSED" and gaps == "NOT_WITNESSED":
        return "give the command again when the witnesses of `log` have come by: `witnessed_size` says how far they are"
    again = "the same act id" if act_id else "the same --request-id" if changes else ""
    return _BY_REASON.get(reason, "").format(
        again=again and f" with {again}",
        carried_out=again and "; it may have been carried out, and then its first answer comes back",
    )
