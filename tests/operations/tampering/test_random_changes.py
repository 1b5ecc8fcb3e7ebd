"""Random changes: whatever alters what a reader, a query or a page is shown is named by verifying.

The oracle is the reader itself: what it returns before and after. A change that it does
not notice (a page of the case file that nothing uses) need not be named.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import random
import sqlite3
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from operations.case_file import read_head
from operations.log.leaves import LeafKind
from operations.store import OperationStore
from operations.verify import verify

_SPEC = importlib.util.spec_from_file_location("attacks", Path(__file__).with_name("attacks.py"))
attacks = importlib.util.module_from_spec(_SPEC)
sys.modules.setdefault("attacks", attacks)
_SPEC.loader.exec_module(attacks)

CHANGES = 400
ALL_CHANGES = 100_000


def shown(night, op):
    """Return what the records show; a reader that fails is shown something else, too."""
    try:
        with OperationStore.open(op, actor="judge", clock=night.clock(), read_only=True) as store:
            every = [run.run_id for run in store.runs(superseded=True)]
            return (
                store.name,
                store.id,
                store.head(),
                store.media(),
                [run.body() for run in store.runs(superseded=True)],
                [run.run_id for run in store.runs()],
                store.parts(runs=every),
                store.parts(),
                store.verdicts(),
                list(store.leaves()),
                [store.newest(kind) for kind in LeafKind],
                sorted({part.file for part in store.parts()} - store.recorded([part.file for part in store.parts()])),
            )
    except Exception as error:  # whatever a reader dies of
        return type(error)


class Changer:
    """Changes one thing of an operation, and puts it back."""

    def __init__(self, night, op, chance):
        self.night, self.op, self.chance = night, op, chance
        self.files = sorted(p for p in op.rglob("*") if p.is_file())
        self.kept = {path: path.read_bytes() for path in self.files}
        self.before = shown(night, op)
        self.anchor = read_head(op)
        """What somebody else keeps of this log: a head that they signed, or have on paper."""
        self.rows = self._rows()

    def _rows(self):
        with contextlib.closing(sqlite3.connect(self.op / "operation.sqlite")) as database:
            found = []
            for table, key in (("leaf", "seq"), ("record", "seq"), ("meta", "key"), ("head", "one")):
                columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
                for (value,) in database.execute(f"SELECT {key} FROM {table}"):
                    found += [(table, key, value, column) for column in columns]
            return found

    def restore(self):
        for path in self.op.rglob("operation.sqlite-*"):
            path.unlink()
        for path, data in self.kept.items():
            if path.read_bytes() != data:
                path.write_bytes(data)

    def flip(self):
        """Flip a bit of any file; the case file as often as all others."""
        case = self.op / "operation.sqlite"
        path = case if self.chance.random() < 0.5 else self.chance.choice(self.files)
        data = bytearray(self.kept[path])
        place = self.chance.randrange(len(data))
        data[place] ^= 1 << self.chance.randrange(8)
        path.write_bytes(data)
        return f"bit of byte {place} of {path.name} flipped", path != case

    def cell(self):
        """Change any cell of the case file."""
        table, key, value, column = self.chance.choice(self.rows)
        with (
            contextlib.closing(sqlite3.connect(self.op / "operation.sqlite", isolation_level=None)) as database,
            contextlib.suppress(sqlite3.IntegrityError),
        ):
            query = f"UPDATE {table} SET {column} = ? WHERE {key} = ?"
            database.execute(query, (self._other(database, table, column), value))
        return f"{column} of {table} {value} changed", False

    def _other(self, database, table, column):
        values = [row[0] for row in database.execute(f"SELECT {column} FROM {table}")]
        neighbour = self.chance.choice(values)
        kind = self.chance.randrange(6)
        if kind == 0 or not isinstance(neighbour, bytes):
            return self.chance.choice([neighbour, None, 0, -1, 2**62, "text", 1.5, b"", self.chance.randbytes(32)])
        if kind < 3 and neighbour:
            data = bytearray(neighbour)
            data[self.chance.randrange(len(data))] ^= 1 << self.chance.randrange(8)
            return bytes(data)
        return self.chance.choice([neighbour, neighbour[:-1], neighbour + b" ", neighbour.decode("latin-1")])

    def row(self):
        """Delete, double or renumber any row of the case file."""
        table, key, value, _ = self.chance.choice(self.rows)
        statement = self.chance.choice(
            [
                f"DELETE FROM {table} WHERE {key} = ?",
                f"UPDATE {table} SET {key} = {key} || '9' WHERE {key} = ?",
                f"DELETE FROM {table} WHERE {key} >= ?",
            ]
        )
        with (
            contextlib.closing(sqlite3.connect(self.op / "operation.sqlite", isolation_level=None)) as database,
            contextlib.suppress(sqlite3.IntegrityError),
        ):
            database.execute(statement, (value,))
        return f"{statement} {value}", False

    def written_anew(self):
        """Change one record as the keeper of folder and keys can, with all hashes, heads and the index."""
        leaves = attacks.leaves_of(self.op)
        number = self.chance.randrange(1, len(leaves))
        leaf = leaves[number]
        chosen = self.chance.randrange(4)
        if chosen == 0:
            leaves[number] = dataclasses.replace(leaf, actor=f"{leaf.actor}.")
        elif chosen == 1:
            leaves[number] = dataclasses.replace(leaf, t_utc_ns=leaf.t_utc_ns - 1)
        elif chosen == 2:
            leaves[number] = dataclasses.replace(leaf, body={**leaf.body, "note": "was it so?"})
        else:
            del leaves[number:]
        attacks.write_anew(self.op, leaves)
        return f"the log written anew from record {number} on ({chosen})", True

    def part_cell(self):
        """Change any cell of any part, and write it as a valid file."""
        path = self.chance.choice([p for p in self.files if p.suffix == ".parquet"])
        table = pq.read_table(path)
        if not table.num_rows:
            return self.flip()
        place, row = self.chance.randrange(table.num_columns), self.chance.randrange(table.num_rows)
        field = table.schema.field(place)
        values = table.column(place).to_pylist()
        values[row] = _other_value(values[row], field, self.chance)
        pq.write_table(table.set_column(place, field, pa.array(values, field.type)), path, compression="zstd")
        return f"{field.name} of row {row} of {path.name} changed", path.read_bytes() != self.kept[path]


def _other_value(value, field, chance):
    if isinstance(value, float):
        return value + chance.choice([1e-6, 1.0, -90.0])
    if isinstance(value, int):
        return value + 1 if value < 30_000 else value - 1
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, bytes):
        return value + b"x"
    if isinstance(value, list):
        return value[:-1]
    return {"double": 1.0, "float": 1.0}.get(str(field.type))


def go_through(night, op, seed, count):
    chance = random.Random(seed)
    changer = Changer(night, op, chance)
    assert not isinstance(changer.before, type)
    altered = 0
    for _ in range(count):
        do = chance.choice(
            [*[changer.flip, changer.cell] * 3, *[changer.row, changer.part_cell] * 2, changer.written_anew]
        )
        told, always = do()
        if always or shown(night, op) != changer.before:
            altered += 1
            assert verify(op, head=changer.anchor, head_from="the anchor").findings, (
                f"seed {seed}: {told}, and nothing is named"
            )
        changer.restore()
    assert altered > count // 2
    assert verify(op).findings == ()
    assert shown(night, op) == changer.before


@pytest.mark.parametrize("seed", range(4))
def test_every_change_that_shows_is_named(night, op, seed):
    go_through(night, op, seed, CHANGES // 4)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seed", range(100, 150))
def test_every_one_of_many_changes_that_shows_is_named(night, op, seed):
    go_through(night, op, seed, ALL_CHANGES // 50)
