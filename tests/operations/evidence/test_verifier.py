"""The stand-alone verifier's arithmetic: RFC 8032's own vectors, and another implementation as judge."""

from __future__ import annotations

import ast
import base64
import inspect
import os
import random
import sys

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from operations.evidence import signatures, signed_texts, time_stamps, verifier
from operations.evidence.signatures import ed25519_verify
from operations.evidence.signed_texts import VerifierError, grew, read_head, root_from
from operations.evidence.verify_file import verify_file
from operations.log.merkle import consistency_proof, inclusion_proof, leaf_hash, root_of

VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
        "655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
        "b00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
        "c027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e"
        "2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17a"
        "d9bef1177331a704",
    ),
]
"""RFC 8032 section 7.1: TEST 1, 2, 3 and SHA(abc)."""


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_the_vectors_of_rfc_8032(public, message, signature):
    public, message, signature = map(bytes.fromhex, (public, message, signature))
    assert ed25519_verify(public, message, signature)
    assert not ed25519_verify(public, message + b"\0", signature)
    order = 2**252 + 27742317777372353535851937790883648493
    malleable = signature[:32] + (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    assert not ed25519_verify(public, message, malleable)


@pytest.mark.parametrize("small", [bytes(32), b"\x01" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f"])
def test_keys_of_small_order_sign_nothing(small):
    assert not ed25519_verify(small, b"anything", small + bytes(32))


@pytest.mark.parametrize("last", ["05", "85"])
def test_keys_of_order_eight_sign_nothing_of_many_things(last):
    """Every eighth message would be signed by nobody: see "Taming the many EdDSAs" (SSR 2020), table 6."""
    key = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc" + last)
    anybodys = b"\x01" + bytes(31) + bytes(32)
    assert not any(ed25519_verify(key, f"alarm {number}".encode(), anybodys) for number in range(100))


def test_another_implementation_agrees_on_signatures_true_and_false():
    chance = random.Random(8032)
    for _ in range(6):
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        message = os.urandom(chance.randrange(200))
        signature = bytearray(private.sign(message))
        assert ed25519_verify(public, message, bytes(signature))
        signature[chance.randrange(64)] ^= 1 << chance.randrange(8)
        with pytest.raises(InvalidSignature):
            Ed25519PublicKey.from_public_bytes(public).verify(bytes(signature), message)
        assert not ed25519_verify(public, message, bytes(signature))


def test_proofs_lead_to_the_roots_of_the_log():
    for size in (*range(1, 18), 33):
        leaves = [leaf_hash(b"%d" % number) for number in range(size)]
        for index in range(size):
            proof = inclusion_proof(index, leaves)
            assert root_from(leaves[index], index, size, proof) == root_of(leaves)
            assert root_from(leaves[index], size, size, proof) is None
            assert root_from(leaf_hash(b"other"), index, size, proof) != root_of(leaves)


def test_growth_is_proven_for_every_pair_of_sizes_and_for_nothing_else():
    leaves = [leaf_hash(b"%d" % i) for i in range(18)]
    roots = [root_of(leaves[:size]) for size in range(19)]
    assert grew((0, roots[0]), (0, roots[0]), [])
    for second in range(1, 19):
        for nothing in ([], [roots[second]]):  # of an empty log nothing is proven
            assert not grew((0, roots[0]), (second, roots[second]), nothing)
        for first in range(1, second + 1):
            proof = consistency_proof(first, leaves[:second])
            assert grew((first, roots[first]), (second, roots[second]), proof)
            assert first == second or not grew((first, roots[first - 1]), (second, roots[second]), proof)
            assert not grew((first, roots[first]), (second, roots[second - 1]), proof)
            assert not grew((first, roots[first]), (second, roots[second]), [*proof, bytes(32)])
            if proof:
                assert not grew((first, roots[first]), (second, roots[second]), proof[:-1])


def test_the_file_that_goes_into_packages_is_these_modules_and_nothing_hides_anything():
    """Names of joined modules would hide each other without a word."""
    own = []
    for module in (signatures, signed_texts, time_stamps, verifier):
        body = ast.parse(inspect.getsource(module)).body
        assigned = [node for top in body if isinstance(top, ast.Assign) for node in ast.walk(top)]
        own.append(
            {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
            | {node.id for node in assigned if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        )
    for number, names in enumerate(own):
        assert len(names) > 5
        assert all(not (names & other) - {"TYPE_CHECKING"} for other in own[number + 1 :])
    source = verify_file().decode()
    assert "operations.evidence" not in source
    needed = {a.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import) for a in node.names}
    assert needed <= sys.stdlib_module_names


@pytest.mark.parametrize("size", ["007", "+7", "7 ", " 7", "-7", "7.0", "٧", ""])
def test_a_size_is_spelled_in_one_way(size):
    root = base64.b64encode(bytes(32)).decode()
    assert read_head(f"vedette/operation/ab\n7\n{root}\n") == ("ab", 7, bytes(32))
    with pytest.raises(VerifierError, match="no head of a log"):
        read_head(f"vedette/operation/ab\n{size}\n{root}\n")


@pytest.mark.parametrize(
    "text", ["vedette/ab\n7\n{}\n", "x/operation/ab\n7\n{}\n", "vedette/operation/ab\n7\n{}AA==\n"]
)
def test_another_origin_or_a_root_of_another_length_is_no_head(text):
    with pytest.raises(VerifierError, match="no head of a log"):
        read_head(text.format(base64.b64encode(bytes(32)).decode()))
