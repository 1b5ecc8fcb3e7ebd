from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.log.errors import FrontierError
from operations.log.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

# Leaves and roots of the reference implementation of Certificate Transparency (merkle_tree_test, Apache-2.0).
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
HASHES = [leaf_hash(data) for data in LEAVES]
PROBES = json.loads((Path(__file__).parent / "proof_probes.json").read_text())
POOL = [base64.b64decode(text) for text in PROBES["pool"]]

leaves = st.lists(st.binary(max_size=4).map(leaf_hash), max_size=70)


def mth(hashes):
    """RFC 6962 section 2.1, word for word, over leaf hashes."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = max(2**i for i in range(20) if 2**i < len(hashes))
    return hashlib.sha256(b"\x01" + mth(hashes[:k]) + mth(hashes[k:])).digest()


def path(m, hashes):
    """RFC 6962 section 2.1.1, word for word."""
    if len(hashes) == 1:
        return []
    k = max(2**i for i in range(20) if 2**i < len(hashes))
    return [*path(m, hashes[:k]), mth(hashes[k:])] if m < k else [*path(m - k, hashes[k:]), mth(hashes[:k])]


def subproof(m, hashes, whole):
    """RFC 6962 section 2.1.2, word for word."""
    if m == len(hashes):
        return [] if whole else [mth(hashes)]
    k = max(2**i for i in range(20) if 2**i < len(hashes))
    if m <= k:
        return [*subproof(m, hashes[:k], whole), mth(hashes[k:])]
    return [*subproof(m - k, hashes[k:], False), mth(hashes[:k])]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_the_reference_implementation(size):
    assert root_of(HASHES[:size]).hex() == ROOTS[size]
    assert Frontier().extend(HASHES[:size]).root.hex() == ROOTS[size]


def test_published_consistency_proofs_come_out():
    # certificate-transparency merkle_tree_test.cc, the PROOF(m, D[n]) table
    assert [p.hex()[:8] for p in consistency_proof(6, HASHES)] == ["0ebc5d34", "ca854ea1", "d37ee418"]
    assert [p.hex()[:8] for p in consistency_proof(1, HASHES)] == ["96a296d2", "5f083f0a", "6b47aaf2"]
    assert [p.hex()[:8] for p in consistency_proof(2, HASHES[:5])] == ["5f083f0a", "bc1a0643"]


@pytest.mark.parametrize("probe", PROBES["inclusion"], ids=lambda probe: probe[0])
def test_an_inclusion_probe_is_judged_as_the_reference_does(probe):
    _, index, size, leaf, proof, root, holds = probe
    given_root = b"" if root is None else POOL[root]
    assert verify_inclusion(POOL[leaf], index, size, [POOL[p] for p in proof], given_root) is holds


@pytest.mark.parametrize("probe", PROBES["consistency"], ids=lambda probe: probe[0])
def test_a_consistency_probe_is_judged_as_the_reference_does(probe):
    _, old_size, old_root, new_size, new_root, proof, holds = probe
    old, new = ((n, b"" if r is None else POOL[r]) for n, r in ((old_size, old_root), (new_size, new_root)))
    assert verify_consistency(old, new, [POOL[p] for p in proof]) is holds


def test_the_probes_hold_both_answers():
    assert {len(PROBES["inclusion"]), len(PROBES["consistency"])} == {98}
    assert (
        {probe[-1] for probe in PROBES["inclusion"]} == {probe[-1] for probe in PROBES["consistency"]} == {True, False}
    )


@given(leaves)
def test_roots_agree_with_the_definition(hashes):
    assert root_of(hashes) == mth(hashes)
    frontier = Frontier()
    for size, leaf in enumerate(hashes):
        assert frontier.root == mth(hashes[:size])
        frontier = frontier.append(leaf)
    assert frontier.root == mth(hashes)
    assert Frontier.from_bytes(frontier.to_bytes()) == frontier
    assert Frontier().extend(hashes) == frontier


@given(leaves.filter(bool), st.data())
def test_proofs_agree_with_the_definition_and_hold(hashes, data):
    size = len(hashes)
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, hashes)
    assert list(proof) == path(index, hashes)
    assert verify_inclusion(hashes[index], index, size, proof, mth(hashes))
    old = data.draw(st.integers(1, size))
    proof = consistency_proof(old, hashes)
    assert list(proof) == subproof(old, hashes, True)
    assert verify_consistency((old, mth(hashes[:old])), (size, mth(hashes)), proof)


@given(leaves.filter(lambda hashes: len(hashes) > 1), st.data())
def test_a_proof_shows_nothing_else(hashes, data):
    size, root = len(hashes), mth(hashes)
    index = data.draw(st.integers(0, size - 1))
    proof = list(inclusion_proof(index, hashes))
    other = data.draw(st.integers(-1, size + 1).filter(lambda place: place != index))
    if not 0 <= other < size or hashes[other] != hashes[index]:
        assert not verify_inclusion(hashes[index], other, size, proof, root)
    flip = data.draw(st.integers(0, len(proof) - 1))
    forged = [*proof]
    forged[flip] = bytes([forged[flip][0] ^ 1]) + forged[flip][1:]
    assert not verify_inclusion(hashes[index], index, size, forged, root)
    assert not verify_inclusion(hashes[index], index, size, proof[:-1], root)
    assert not verify_inclusion(hashes[index], index, size, [*proof, root], root)
    old = data.draw(st.integers(1, size - 1))
    rewritten = mth([leaf_hash(b"another"), *hashes[1:old]])
    assert not verify_consistency((old, rewritten), (size, root), consistency_proof(old, hashes))


def test_an_inner_node_cannot_pass_for_a_leaf():
    assert leaf_hash(HASHES[0] + HASHES[1]) != root_of(HASHES[:2])


def test_the_empty_tree_has_the_empty_root_and_no_proofs():
    assert Frontier().root == EMPTY_ROOT == root_of([])
    with pytest.raises(IndexError):
        inclusion_proof(0, [])
    with pytest.raises(IndexError):
        consistency_proof(0, HASHES)
    with pytest.raises(IndexError):
        consistency_proof(9, HASHES)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 7,
        b"\x00" * 9,
        (3).to_bytes(8, "big") + HASHES[0],
        (1).to_bytes(8, "big") + HASHES[0] * 2,
        (1).to_bytes(8, "big") + HASHES[0][:-1],
    ],
)
def test_bytes_that_are_no_edge_of_a_tree_are_named(data):
    with pytest.raises(FrontierError, match="head was changed"):
        Frontier.from_bytes(data)
