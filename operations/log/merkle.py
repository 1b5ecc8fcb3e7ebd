"""The Merkle tree of RFC 6962 section 2.1 (the same in RFC 9162 section 2.1): roots and proofs, pure.

A tree is never stored: its leaf hashes are, and beside them the *frontier*, the
roots of the full subtrees along its right edge. Appending touches the frontier
alone, so that a leaf costs about one hash whatever the size of the log.
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING, Final

from operations.log.errors import FrontierError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HASH_BYTES: Final = 32
"""Length of a SHA-256 value."""
EMPTY_ROOT: Final = hashlib.sha256().digest()
"""Root of a tree without leaves: the hash of an empty string (RFC 6962 section 2.1)."""
_SIZE_BYTES: Final = 8

_sha256 = hashlib.sha256


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256 of 0x00 and its data (RFC 6962 section 2.1)."""
    return _sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256 of 0x01 and its children (RFC 6962 section 2.1)."""
    return _sha256(b"\x01" + left + right).digest()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """The right edge of a tree: all that is needed to append, and to know the root.

    Parameters
    ----------
    size
        Number of leaves.
    nodes
        Roots of the full subtrees that make up the tree, the largest (leftmost)
        first: one for each bit that is set in `size`.
    """

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.nodes) != self.size.bit_count():
            raise FrontierError(
                f"a tree of {self.size} leaves has {max(self.size, 0).bit_count()} full subtrees, not "
                f"{len(self.nodes)}: the case file's head was changed",
                size=self.size,
                nodes=len(self.nodes),
            )
        if any(len(node) != HASH_BYTES for node in self.nodes):
            raise FrontierError(f"a full subtree's root is not {HASH_BYTES} bytes: the case file's head was changed")

    def append(self, leaf: bytes) -> Frontier:
        """Return the frontier after one more leaf, given by its leaf hash."""
        return self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> Frontier:
        """Return the frontier after more leaves, given by their leaf hashes."""
        nodes, size = list(self.nodes), self.size
        for leaf in leaves:
            node, below = leaf, size
            while below & 1:
                node = node_hash(nodes.pop(), node)
                below >>= 1
            nodes.append(node)
            size += 1
        return Frontier(size=size, nodes=tuple(nodes))

    @property
    def root(self) -> bytes:
        """Root hash of the tree."""
        if not self.nodes:
            return EMPTY_ROOT
        root = self.nodes[-1]
        for node in reversed(self.nodes[:-1]):
            root = node_hash(node, root)
        return root

    def to_bytes(self) -> bytes:
        """Return the size (8 bytes, big-endian) and the nodes one after another."""
        return self.size.to_bytes(_SIZE_BYTES, "big") + b"".join(self.nodes)

    @classmethod
    def from_bytes(cls, data: bytes) -> Frontier:
        """Read a frontier back.

        Raises
        ------
        FrontierError
            When the bytes are no frontier of any tree.
        """
        nodes = data[_SIZE_BYTES:]
        if len(data) < _SIZE_BYTES or len(nodes) % HASH_BYTES:
            raise FrontierError(f"{len(data)} bytes are no edge of a tree: the case file's head was changed")
        starts = range(0, len(nodes), HASH_BYTES)
        return cls(
            size=int.from_bytes(data[:_SIZE_BYTES], "big"), nodes=tuple(nodes[s : s + HASH_BYTES] for s in starts)
        )


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root of the tree over leaf hashes."""
    level = list(leaves)
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        # An odd node at the end has no sibling and rises as it is (RFC 6962 splits at the largest power of two).
        pairs = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = [*pairs, level[-1]] if len(level) % 2 else pairs
    return level[0]


def inclusion_proof(index: int, leaves: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the siblings on the way from a leaf to the root, the leaf's own first (RFC 6962 section 2.1.1).

    Raises
    ------
    IndexError
        When there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(f"leaf {index} of a tree of {len(leaves)}")
    proof: list[bytes] = []
    start, stop = 0, len(leaves)
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            proof.append(root_of(leaves[middle:stop]))
            stop = middle
        else:
            proof.append(root_of(leaves[start:middle]))
            start = middle
    return tuple(reversed(proof))


def consistency_proof(old_size: int, leaves: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return what shows that the first `old_size` leaves are still the beginning (RFC 6962 section 2.1.2).

    Raises
    ------
    IndexError
        When `old_size` is not between 1 and the number of leaves.
    """
    if not 0 < old_size <= len(leaves):
        raise IndexError(f"an older tree of {old_size} leaves in one of {len(leaves)}")
    proof: list[bytes] = []
    start, stop, whole = 0, len(leaves), True
    while old_size != stop:
        middle = start + _split(stop - start)
        if old_size <= middle:
            proof.append(root_of(leaves[middle:stop]))
            stop = middle
        else:
            proof.append(root_of(leaves[start:middle]))
            start, whole = middle, False
    if not whole:
        proof.append(root_of(leaves[start:stop]))
    return tuple(reversed(proof))


def _split(size: int) -> int:
    """Return the largest power of two smaller than `size`, which is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether a leaf hash is number `index` of the tree of `size` leaves with this root (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size or any(len(value) != HASH_BYTES for value in (leaf, root, *proof)):
        return False
    place, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            node = node_hash(sibling, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and node == root


def verify_consistency(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> bool:
    """Tell whether the old tree, not empty, is the beginning of the new one (RFC 9162 section 2.1.4.2).

    Parameters
    ----------
    old, new
        Size and root of each tree.
    proof
        As `consistency_proof` gives it.
    """
    (old_size, old_root), (new_size, new_root) = old, new
    if old_size == new_size:
        return old_size > 0 and not proof and old_root == new_root
    if not 0 < old_size < new_size or any(len(value) != HASH_BYTES for value in (old_root, new_root, *proof)):
        return False
    path = [old_root, *proof] if old_size.bit_count() == 1 else list(proof)
    if not path or not proof:
        return False
    place, last = old_size - 1, new_size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old_node = new_node = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old_node, new_node = node_hash(sibling, old_node), node_hash(sibling, new_node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new_node = node_hash(new_node, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and old_node == old_root and new_node == new_root
