"""What each kind of operation needs: one small function a kind, in two tables.

`AUTHORITY` says what the signer must be, and is asked twice: in the operation's own causal past, and again among those
of its ancestors that count after everything concurrent is known. `FORM` says what the operation itself must contain,
and is asked once. Each rule answers with the sentence that says what is wrong, '' if nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sync.crypto import verify
from sync.membership import bodies
from sync.membership.bodies import Body, Invite, Join, Remove, Set
from sync.membership.invites import JOIN_DOMAIN, join_message
from sync.membership.operation import Operation
from sync.membership.standing import WRITING, Standing, rank_of


@dataclass(frozen=True, slots=True)
class Case:
    """An operation before the rules.

    signer, target: members, with their standings before it. gives: what the operation gives. is_founder: the signer is.
    find: an operation among the ancestors that count. is_identity: whether this is the log of an identity.
    """

    operation: Operation
    signer: bytes
    standing: Standing | None
    target: bytes | None
    target_standing: Standing | None
    gives: Standing | None
    is_founder: bool
    is_identity: bool
    find: Callable[[bytes], Operation | None]


Rule = Callable[[Case], str]


def _free(_case: Case) -> str:
    return ""


def need_owner(case: Case) -> str:
    """For what only owners do."""
    if case.standing is None:
        return "Its signer was not a member."
    return "" if case.standing.is_owner else f"Its signer was a {case.standing.role}, not an owner."


def need_stronger(case: Case) -> str:
    """For what owners do to others: only to weaker ones."""
    if wrong := need_owner(case):
        return wrong
    if case.target == case.signer:
        return "Nobody changes their own role; they may leave."
    if rank_of(case.standing) >= rank_of(case.target_standing):
        return "Its signer was not stronger than the member it is about."
    return ""


def need_stronger_than_given(case: Case) -> str:
    """For giving a role: nobody gives as much as they have."""
    if wrong := need_stronger(case):
        return wrong
    if case.gives is None or case.gives.rank <= rank_of(case.standing):
        return "It gives a rank that its signer did not surpass."
    return ""


def need_membership(case: Case) -> str:
    """For leaving."""
    if case.standing is None:
        return "Its signer was not a member, who could leave."
    return "The founder cannot leave before another member is the founder." if case.is_founder else ""


def need_invite(case: Case) -> str:
    """For asking to join."""
    body = case.operation.body
    assert isinstance(body, Join)
    invite = case.find(body.invite)
    if invite is None or not isinstance(invite.body, Invite):
        return "It answers an invite that does not count."
    return "" if body.identity == case.signer else "Its device does not belong to the identity that it names."


def need_founder(case: Case) -> str:
    """For handing over: to another member."""
    if not case.is_founder:
        return "Its signer was not the founder."
    if case.target == case.signer or case.target_standing is None:
        return "It makes somebody the founder who is not another member."
    if case.gives is None or case.gives.rank >= rank_of(case.standing):
        return "Its signer was not the founder."
    return ""


AUTHORITY: Mapping[type[Body], Rule] = {
    bodies.IdentityGenesis: _free,
    bodies.WorkspaceGenesis: _free,
    bodies.Set: need_stronger_than_given,
    bodies.Remove: need_stronger,
    bodies.Leave: need_membership,
    bodies.Invite: need_owner,
    bodies.Join: need_invite,
    bodies.Epoch: need_owner,
    bodies.Rekey: need_owner,
    bodies.TransferFounder: need_founder,
}


def form_set(case: Case) -> str:
    """Devices need a key; whoever loses the right to write needs to be told what counts."""
    body = case.operation.body
    assert isinstance(body, Set)
    if case.is_identity:
        wrong = body.encryption_key is None or body.role != "owner"
        return "A device joins an identity as an owner, with a key to receive secrets." if wrong else ""
    if body.encryption_key is not None:
        return "Only devices have a key of their own, not members of a workspace."
    wrote = case.target_standing is not None and case.target_standing.role in WRITING
    if wrote and body.role not in WRITING and body.cuts is None:
        return "It takes the right to write, but does not say what of the member's work counts."
    return ""


def form_remove(case: Case) -> str:
    """In an identity's log, no cuts means that the device is lost."""
    body = case.operation.body
    assert isinstance(body, Remove)
    missing = body.cuts is None and not case.is_identity
    return "It does not say what of the member's work counts." if missing else ""


def form_join(case: Case) -> str:
    """The one-time key of the invite signed it."""
    if wrong := form_workspace(case):
        return wrong
    body = case.operation.body
    assert isinstance(body, Join)
    invite = case.find(body.invite)
    message = join_message(case.operation.log, body.invite, body.identity, case.operation.signer_device)
    if invite is None or not isinstance(invite.body, Invite):
        return "It answers an invite that is not here."
    signed = verify(invite.body.public_key, JOIN_DOMAIN, message, body.invite_signature)
    return "" if signed else "It is not signed with the key of the invite."


def form_epoch(case: Case) -> str:
    """Epochs follow epochs that their signer had seen."""
    if wrong := form_workspace(case):
        return wrong
    body = case.operation.body
    assert isinstance(body, bodies.Epoch)
    for parent in body.parents:
        found = case.find(parent)
        if found is None or not isinstance(found.body, bodies.Epoch):
            return "It follows an epoch that does not count."
    return ""


def form_rekey(case: Case) -> str:
    """For what only identities have."""
    return "" if case.is_identity else "Only devices have a key of their own, not members of a workspace."


def form_workspace(case: Case) -> str:
    """For what only workspaces have."""
    return "An identity has no invites and no epochs." if case.is_identity else ""


FORM: Mapping[type[Body], Rule] = {
    bodies.IdentityGenesis: _free,
    bodies.WorkspaceGenesis: _free,
    bodies.Set: form_set,
    bodies.Remove: form_remove,
    bodies.Leave: _free,
    bodies.Invite: form_workspace,
    bodies.Join: form_join,
    bodies.Epoch: form_epoch,
    bodies.Rekey: form_rekey,
    bodies.TransferFounder: _free,
}
