"""Ways to tamper with an operation, each with what verifying has to say: the table that the tests go through."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import sqlite3
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from operations.findings import FindingKind
from operations.log.leaves import Leaf, LeafKind, decode, encode
from operations.log.merkle import Frontier, leaf_hash

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHANGED, MISSING, EXTRA, BROKEN = FindingKind
ATTACKS: dict[str, Attack] = {}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Attack:
    """One way to tamper, and the finding it has to give."""

    do: Callable[[Path], None]
    kind: FindingKind
    names: str


def attack(kind: FindingKind, names: str):
    """Put a function into the table under its own name."""

    def register(do):
        ATTACKS[do.__name__.replace("_", " ")] = Attack(do=do, kind=kind, names=names)
        return do

    return register


# What attackers use ------------------------------------------------------------------------------


@contextlib.contextmanager
def case(op):
    """Open the case file as any SQLite tool does."""
    database = sqlite3.connect(op / "operation.sqlite", isolation_level=None)
    try:
        yield database
    finally:
        database.close()


def leaves_of(op) -> list[Leaf]:
    """Return every leaf."""
    with case(op) as database:
        return [decode(bytes(body)) for (body,) in database.execute("SELECT body FROM leaf ORDER BY seq")]


def leaf_about(op, kind, subject=None) -> Leaf:
    """Return the newest leaf of a kind."""
    return [leaf for leaf in leaves_of(op) if leaf.kind is kind and subject in (None, leaf.subject)][-1]


def original(op, name) -> Path:
    """Return where an original of that name is kept."""
    for leaf in leaves_of(op):
        if leaf.kind is LeafKind.MEDIA:
            for member in leaf.body["members"]:
                if member["path"] == name:
                    return op / "media" / f"{member['sha256']}{member['suffix']}"
    raise LookupError(name)


def parts(op, table) -> list[Path]:
    """Return the parts of a table in the order of the log."""
    return [op / leaf.subject for leaf in leaves_of(op) if leaf.kind is LeafKind.PART and f"/{table}-" in leaf.subject]


def flip(path, place=-100):
    """Flip one bit."""
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def rewrite_cell(path, column, value):
    """Write a part again with one cell changed: a valid file."""
    table = pq.read_table(path)
    values = table[column].to_pylist()
    values[0] = value
    place = table.schema.get_field_index(column)
    pq.write_table(
        table.set_column(place, table.schema.field(place), pa.array(values, table.schema.types[place])), path
    )


def swap(one, other):
    """Exchange two files."""
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def store_leaf(op, leaf, *, with_hash):
    """Overwrite a leaf."""
    data = encode(leaf)
    with case(op) as database:
        database.execute("UPDATE leaf SET body = ? WHERE seq = ?", (data, leaf.seq))
        if with_hash:
            database.execute("UPDATE leaf SET hash = ? WHERE seq = ?", (leaf_hash(data), leaf.seq))


def head_anew(op, *, kept):
    """Work the head out again from the hashes there are, in the case file and, if `kept`, in log.head."""
    with case(op) as database:
        frontier = Frontier().extend(bytes(h) for (h,) in database.execute("SELECT hash FROM leaf ORDER BY seq"))
        values = (frontier.size, frontier.root, frontier.to_bytes())
        database.execute("UPDATE head SET size = ?, root = ?, frontier = ?", values)
    if kept:
        (op / "log.head").write_text(f"{frontier.size} {frontier.root.hex()}\n")


def write_anew(op, leaves):
    """Write the whole log as whoever holds the folder and its keys can: records, hashes, index and both heads."""
    with case(op) as database:
        database.execute("BEGIN")
        database.execute("DELETE FROM leaf")
        database.execute("DELETE FROM record")
        for leaf in leaves:
            data = encode(leaf)
            database.execute("INSERT INTO leaf VALUES (?, ?, ?)", (leaf.seq, leaf_hash(data), data))
            index = (str(leaf.kind).encode(), leaf.subject.encode(), leaf.seq)
            database.execute("INSERT OR REPLACE INTO record VALUES (?, ?, ?)", index)
        database.execute("COMMIT")
    head_anew(op, kept=True)


def dismissed(op) -> Leaf:
    """Return the first verdict, turned round."""
    leaf = leaf_about(op, LeafKind.VERDICT, "v2")
    return dataclasses.replace(leaf, body={**leaf.body, "decision": "dismissed"})


def execute(op, *statements):
    """Run SQL on the case file."""
    with case(op) as database:
        for statement in statements:
            database.execute(*([statement] if isinstance(statement, str) else statement))


# Originals ---------------------------------------------------------------------------------------


@attack(CHANGED, "original clip.ts was changed")
def a_bit_of_an_original_flipped(op):
    flip(original(op, "clip.ts"), 5000)


@attack(CHANGED, r"original clip.ts was changed: it has \d+ bytes")
def an_original_cut_short(op):
    os.truncate(original(op, "clip.ts"), 1000)


@attack(CHANGED, "original clip.ts was changed: it has 0 bytes")
def an_original_emptied(op):
    original(op, "clip.ts").write_bytes(b"")


@attack(CHANGED, "original clip.ts was changed")
def an_original_grown(op):
    with original(op, "clip.ts").open("ab") as file:
        file.write(b"more")


@attack(MISSING, "original card/P1.jpg is gone")
def an_original_deleted(op):
    original(op, "P1.jpg").unlink()


@attack(CHANGED, "original card/P2.jpg was changed")
def an_original_replaced_by_another_one(op):
    shutil.copyfile(original(op, "P1.jpg"), original(op, "P2.jpg"))


@attack(CHANGED, "original card/P1.jpg was changed")
def two_originals_exchanged(op):
    swap(original(op, "P1.jpg"), original(op, "P2.jpg"))


@attack(MISSING, "original clip.ts is gone")
def an_original_renamed(op):
    original(op, "clip.ts").rename(op / "media" / f"{'ab' * 32}.ts")


@attack(EXTRA, f"media/{'ab' * 32}.ts is in the folder")
def an_original_renamed_its_new_name(op):
    an_original_renamed(op)


@attack(CHANGED, "original clip.ts is no file of its own")
def an_original_replaced_by_a_link_to_its_bytes(op):
    path = original(op, "clip.ts")
    path.symlink_to(path.rename(op.parent / "elsewhere.ts"))


@attack(CHANGED, "original clip.ts is no file of its own")
def an_original_replaced_by_a_folder(op):
    path = original(op, "clip.ts")
    path.unlink()
    path.mkdir(mode=0o700)


@attack(CHANGED, "original clip.ts is no file of its own")
def an_original_replaced_by_a_pipe(op):
    path = original(op, "clip.ts")
    path.unlink()
    os.mkfifo(path, 0o600)


@attack(CHANGED, "original clip.ts is no file of its own")
def the_folder_of_originals_replaced_by_a_link(op):
    (op / "media").rename(op.parent / "elsewhere")
    (op / "media").symlink_to(op.parent / "elsewhere")


@attack(MISSING, "original clip.ts is gone")
def the_folder_of_originals_deleted(op):
    shutil.rmtree(op / "media")


# Derived parts -----------------------------------------------------------------------------------


@attack(CHANGED, r"hits of clip.ts .* was changed")
def a_bit_of_a_part_flipped(op):
    flip(parts(op, "hits")[0])


@attack(MISSING, r"tracks of clip.ts .* is gone")
def a_part_deleted(op):
    parts(op, "tracks")[0].unlink()


@attack(CHANGED, r"hits of clip.ts .* was changed")
def a_place_moved_in_a_valid_part(op):
    rewrite_cell(parts(op, "hits")[0], "lat_deg", 51.0)


@attack(CHANGED, r"chips of card .* was changed")
def a_picture_exchanged_in_a_valid_part(op):
    rewrite_cell(parts(op, "chips")[1], "jpeg", b"\xff\xd8another")


@attack(CHANGED, r"hits of clip.ts .* was changed")
def a_part_replaced_by_one_without_rows(op):
    path = parts(op, "hits")[0]
    pq.write_table(pq.read_table(path).slice(0, 0), path)


@attack(CHANGED, r"hits of clip.ts .* was changed")
def a_part_written_again_with_the_same_rows(op):
    path = parts(op, "hits")[0]
    pq.write_table(pq.read_table(path), path, compression="none")


@attack(CHANGED, r"hits of clip.ts .* was changed")
def a_part_of_another_run_copied_in(op):
    shutil.copyfile(parts(op, "hits")[1], parts(op, "hits")[0])


@attack(CHANGED, r"frames of card .* was changed")
def parts_of_two_runs_exchanged(op):
    swap(parts(op, "frames")[0], parts(op, "frames")[1])


@attack(MISSING, r"frames of clip.ts .* is gone")
def a_whole_run_deleted(op):
    shutil.rmtree(parts(op, "frames")[0].parent)


@attack(EXTRA, "hits-0007.parquet is in the folder")
def a_valid_part_added(op):
    path = parts(op, "hits")[0]
    shutil.copyfile(path, path.with_name("hits-0007.parquet"))
    path.with_name("hits-0007.parquet").chmod(0o600)


@attack(BROKEN, "has lost record")
def a_part_deleted_with_its_record(op):
    path = parts(op, "tracks")[0]
    path.unlink()
    name = str(path.relative_to(op))
    seq = leaf_about(op, LeafKind.PART, name).seq
    execute(op, f"DELETE FROM leaf WHERE seq = {seq}", f"DELETE FROM record WHERE seq = {seq}")


@attack(CHANGED, r"part parts/.* was changed after it was written")
def a_part_replaced_with_its_record(op):
    path = parts(op, "hits")[0]
    rewrite_cell(path, "lat_deg", 51.0)
    leaf = leaf_about(op, LeafKind.PART, str(path.relative_to(op)))
    import hashlib

    body = {**leaf.body, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "size_bytes": path.stat().st_size}
    store_leaf(op, dataclasses.replace(leaf, body=body), with_hash=False)


# What does not belong there ----------------------------------------------------------------------


@attack(EXTRA, "media/stranger.mp4 is in the folder")
def a_stranger_among_the_originals(op):
    (op / "media" / "stranger.mp4").write_bytes(b"x")


@attack(EXTRA, "parts/notes.txt is in the folder")
def a_stranger_among_the_parts(op):
    (op / "parts" / "notes.txt").write_bytes(b"x")


@attack(EXTRA, "locks/payload.sh is in the folder")
def a_stranger_among_the_locks(op):
    (op / "locks" / "payload.sh").write_bytes(b"x")


@attack(EXTRA, r"\.hidden is in the folder")
def a_hidden_folder(op):
    (op / ".hidden").mkdir(mode=0o700)


@attack(EXTRA, "parts/more is a symbolic link")
def a_link_among_the_parts(op):
    (op / "parts" / "more").symlink_to("/etc")


@attack(EXTRA, "keys.json is in the folder")
def keys_put_into_a_plain_operation(op):
    (op / "keys.json").write_text("{}")


@attack(EXTRA, r"journal .* was put there")
def a_journal_that_would_roll_the_case_file_back(op):
    (op / "operation.sqlite-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(504))


@attack(EXTRA, r"media/\\x1b\[2Jgone is in the folder")
def a_name_that_would_clear_the_screen(op):
    (op / "media" / "\x1b[2Jgone").write_bytes(b"")


# log.head ----------------------------------------------------------------------------------------


@attack(MISSING, r"log.head is gone")
def the_kept_head_deleted(op):
    (op / "log.head").unlink()


@attack(CHANGED, r"log.head holds no head")
def the_kept_head_emptied(op):
    (op / "log.head").write_bytes(b"")


@attack(BROKEN, r"not the one of the head in log.head")
def the_kept_head_given_another_root(op):
    size = (op / "log.head").read_text().split()[0]
    (op / "log.head").write_text(f"{size} {'00' * 32}\n")


@attack(BROKEN, r"ends before the head in log.head")
def the_kept_head_put_ahead(op):
    (op / "log.head").write_text(f"999 {'00' * 32}\n")


@attack(CHANGED, r"log.head is not spelled")
def the_kept_head_spelled_otherwise(op):
    (op / "log.head").write_text((op / "log.head").read_text().upper().replace("\n", "  \n"))


@attack(BROKEN, r"ends before the head in log.head")
def the_kept_head_made_negative(op):
    (op / "log.head").write_text(f"-1 {'00' * 32}\n")


@attack(MISSING, r"log.head is gone")
def the_kept_head_replaced_by_a_pipe(op):
    (op / "log.head").unlink()
    os.mkfifo(op / "log.head", 0o600)


@attack(EXTRA, r"locks/0123456789abcdef.writer is in the folder")
def a_pipe_among_the_locks(op):
    os.mkfifo(op / "locks" / "0123456789abcdef.writer", 0o600)


@attack(MISSING, r"log.head is gone")
def the_kept_head_replaced_by_a_link_to_it(op):
    (op / "log.head").rename(op.parent / "elsewhere.head")
    (op / "log.head").symlink_to(op.parent / "elsewhere.head")


# Records -----------------------------------------------------------------------------------------


@attack(CHANGED, r"verdict v2 \(log record \d+\) was changed after it was written")
def a_verdict_turned_round(op):
    store_leaf(op, dismissed(op), with_hash=False)


@attack(BROKEN, r"does not hold: records? \d+")
def a_verdict_turned_round_with_its_hash(op):
    store_leaf(op, dismissed(op), with_hash=True)


@attack(BROKEN, r"not the one of the head in log.head")
def a_verdict_turned_round_and_the_head_worked_out_again(op):
    store_leaf(op, dismissed(op), with_hash=True)
    head_anew(op, kept=False)


@attack(CHANGED, r"log record \d+ cannot be read any more")
def a_byte_of_a_record_flipped(op):
    execute(op, "UPDATE leaf SET body = CAST('{' || substr(body, 3) AS BLOB) WHERE seq = 3")


@attack(CHANGED, r"log record 3 was replaced by something")
def a_record_replaced_by_text(op):
    execute(op, "UPDATE leaf SET body = 'nothing' WHERE seq = 3")


@attack(CHANGED, r"log record 3 was replaced by something")
def a_record_replaced_by_a_huge_number(op):
    execute(op, "UPDATE leaf SET body = 4611686018427387904 WHERE seq = 3")


@attack(CHANGED, r"log record 3 was replaced by something")
def the_hash_of_a_record_replaced_by_text(op):
    execute(op, "UPDATE leaf SET hash = 'nothing' WHERE seq = 3")


@attack(CHANGED, r"\(log record 3\) was changed after it was written")
def the_hash_of_a_record_changed(op):
    execute(op, "UPDATE leaf SET hash = zeroblob(32) WHERE seq = 3")


@attack(BROKEN, r"has lost record 4")
def a_record_deleted(op):
    execute(op, "DELETE FROM leaf WHERE seq = 4")


@attack(BROKEN, r"has lost records 4 to 6")
def several_records_deleted(op):
    execute(op, "DELETE FROM leaf WHERE seq BETWEEN 4 AND 6")


@attack(BROKEN, r"has lost record 0")
def the_first_record_deleted(op):
    execute(op, "DELETE FROM leaf WHERE seq = 0")


@attack(BROKEN, r"end cut off: \d+ records were written")
def the_last_record_deleted(op):
    execute(op, "DELETE FROM leaf WHERE seq = (SELECT max(seq) FROM leaf)")


@attack(BROKEN, r"ends before the head in log.head")
def the_last_record_deleted_and_the_head_worked_out_again(op):
    last = len(leaves_of(op)) - 1
    execute(op, f"DELETE FROM leaf WHERE seq = {last}", f"DELETE FROM record WHERE seq = {last}")
    head_anew(op, kept=False)


@attack(BROKEN, r"end cut off: \d+ records were written, 0 are there")
def every_record_deleted(op):
    execute(op, "DELETE FROM leaf", "DELETE FROM record")


@attack(BROKEN, r"holds 1 records that its head in the case file does not cover")
def a_record_added(op):
    leaf = dataclasses.replace(dismissed(op), seq=len(leaves_of(op)))
    data = encode(leaf)
    execute(op, ("INSERT INTO leaf VALUES (?, ?, ?)", (leaf.seq, leaf_hash(data), data)))


@attack(CHANGED, r"stands in the place of record")
def the_bodies_of_two_records_exchanged(op):
    with case(op) as database:
        one, other = (bytes(b) for (b,) in database.execute("SELECT body FROM leaf WHERE seq IN (3, 4) ORDER BY seq"))
        database.execute("UPDATE leaf SET body = ? WHERE seq = 3", (other,))
        database.execute("UPDATE leaf SET body = ? WHERE seq = 4", (one,))


@attack(CHANGED, r"stands in the place of record")
def two_records_exchanged_with_their_hashes(op):
    renumber = "UPDATE leaf SET seq = {} WHERE seq = {}"
    execute(op, *(renumber.format(*pair) for pair in ((-9, 3), (3, 4), (4, -9))))


@attack(BROKEN, r"has lost record 5")
def a_record_given_another_number(op):
    execute(op, "UPDATE leaf SET seq = 900 WHERE seq = 5")


@attack(CHANGED, r"stands in the place of record")
def a_change_hidden_in_a_journal(op):
    """A transaction of somebody else's that waits in the write-ahead journal."""
    with case(op) as database:
        database.execute("PRAGMA wal_autocheckpoint=0")
        database.execute("UPDATE leaf SET body = (SELECT body FROM leaf WHERE seq = 2) WHERE seq = 3")
        kept = {name: (op / name).read_bytes() for name in ("operation.sqlite", "operation.sqlite-wal")}
    for name, data in kept.items():
        (op / name).write_bytes(data)
        (op / name).chmod(0o600)


# The index of newest records ---------------------------------------------------------------------


@attack(CHANGED, r"verdict v1 \(log record \d+\) is hidden: the index leads to record")
def an_index_row_put_back_to_an_older_record(op):
    older = next(leaf.seq for leaf in leaves_of(op) if leaf.kind is LeafKind.VERDICT and leaf.subject == "v1")
    execute(op, f"UPDATE record SET seq = {older} WHERE kind = CAST('verdict' AS BLOB) AND id = CAST('v1' AS BLOB)")


@attack(MISSING, r"verdict v2 \(log record \d+\) was taken out of the index")
def an_index_row_deleted(op):
    execute(op, "DELETE FROM record WHERE kind = CAST('verdict' AS BLOB) AND id = CAST('v2' AS BLOB)")


@attack(MISSING, r"media clip.ts \(log record \d+\) was taken out of the index")
def an_original_taken_out_of_the_index(op):
    subject = leaf_about(op, LeafKind.MEDIA, leaves_of(op)[1].subject).subject
    execute(op, ("DELETE FROM record WHERE kind = ? AND id = ?", (b"media", subject.encode())))


@attack(EXTRA, r"verdict v9 was put into the index")
def an_index_row_added(op):
    execute(op, "INSERT INTO record VALUES (CAST('verdict' AS BLOB), CAST('v9' AS BLOB), 3)")


@attack(MISSING, r"run [0-9a-f]{16} \(log record \d+\) was taken out of the index")
def an_index_row_given_another_kind(op):
    execute(op, "UPDATE record SET kind = CAST('rumour' AS BLOB) WHERE kind = CAST('run' AS BLOB)")


@attack(EXTRA, r"was put into the index")
def an_index_row_spelled_as_text(op):
    execute(op, "UPDATE record SET id = 'v2' WHERE id = CAST('v2' AS BLOB)")


@attack(MISSING, r"was taken out of the index")
def the_index_emptied(op):
    execute(op, "DELETE FROM record")


# The head in the case file -----------------------------------------------------------------------


@attack(BROKEN, r"has no head in the case file")
def the_head_deleted(op):
    execute(op, "DELETE FROM head")


@attack(BROKEN, r"whose parts contradict each other")
def the_root_changed(op):
    execute(op, "UPDATE head SET root = zeroblob(32)")


@attack(BROKEN, r"whose parts contradict each other")
def the_size_changed(op):
    execute(op, "UPDATE head SET size = size - 1")


@attack(BROKEN, r"has a head in the case file that was changed")
def the_edge_of_the_tree_cut(op):
    execute(op, "UPDATE head SET frontier = substr(frontier, 1, 40)")


@attack(BROKEN, r"has a head in the case file that was changed")
def the_edge_of_the_tree_replaced_by_a_number(op):
    execute(op, "UPDATE head SET frontier = 7")


# The operation's own values ----------------------------------------------------------------------


@attack(CHANGED, "the operation's name was changed: its first record says Night 1")
def the_operation_renamed(op):
    execute(op, "UPDATE meta SET value = CAST('Night 2' AS BLOB) WHERE key = 'name'")


@attack(CHANGED, "the operation's id was changed")
def the_operation_given_another_id(op):
    execute(op, "UPDATE meta SET value = CAST('00' AS BLOB) WHERE key = 'id'")


@attack(CHANGED, "the operation's created was changed")
def the_moment_of_creation_moved(op):
    execute(op, "UPDATE meta SET value = CAST('0' AS BLOB) WHERE key = 'created'")


@attack(CHANGED, "the operation's format was changed")
def the_format_changed(op):
    execute(op, "UPDATE meta SET value = CAST('3' AS BLOB) WHERE key = 'format'")


@attack(CHANGED, "the operation's name was changed")
def the_name_deleted(op):
    execute(op, "DELETE FROM meta WHERE key = 'name'")


@attack(EXTRA, "the value 'motto' was added")
def a_value_added(op):
    execute(op, "INSERT INTO meta VALUES ('motto', x'00')")


# The schema --------------------------------------------------------------------------------------


@attack(EXTRA, "the trigger t in the case file was added")
def a_trigger_added(op):
    execute(op, "CREATE TRIGGER t AFTER INSERT ON leaf BEGIN DELETE FROM record WHERE seq = 3; END")


@attack(EXTRA, "the view v in the case file was added")
def a_view_added(op):
    execute(op, "CREATE VIEW v AS SELECT * FROM leaf")


@attack(EXTRA, "the table t in the case file was added")
def a_table_added(op):
    execute(op, "CREATE TABLE t (a)")


@attack(EXTRA, "the index i in the case file was added")
def an_index_added(op):
    execute(op, "CREATE INDEX i ON leaf (hash)")


@attack(BROKEN, "the table leaf in the case file is gone")
def a_table_replaced_by_a_view_of_it(op):
    execute(op, "ALTER TABLE leaf RENAME TO leaf_", "CREATE VIEW leaf AS SELECT * FROM leaf_ WHERE seq <> 3")


@attack(CHANGED, "the table leaf in the case file has another definition")
def a_table_given_another_column(op):
    execute(op, "ALTER TABLE leaf ADD COLUMN more TEXT")


@attack(BROKEN, "the table record in the case file is gone")
def a_table_dropped(op):
    execute(op, "DROP TABLE record")


# Permissions and the case file as a whole --------------------------------------------------------


@attack(CHANGED, "the folder may be entered by others")
def the_folder_opened_to_others(op):
    op.chmod(0o755)


@attack(CHANGED, r"parts/.*parquet may be read or written by others")
def a_part_opened_to_others(op):
    parts(op, "hits")[0].chmod(0o644)


@attack(CHANGED, r"operation.sqlite may be read or written by others")
def the_case_file_opened_to_others(op):
    (op / "operation.sqlite").chmod(0o666)


@attack(BROKEN, r"the case file \(operation.sqlite\) (cannot be read|is damaged)")
def the_case_file_cut_short(op):
    os.truncate(op / "operation.sqlite", 9000)


@attack(BROKEN, r"the case file \(operation.sqlite\) cannot be read")
def the_case_file_replaced_by_noise(op):
    (op / "operation.sqlite").write_bytes(bytes(range(256)) * 64)


@attack(BROKEN, r"the case file \(operation.sqlite\) (cannot be read|is damaged)")
def a_page_of_the_case_file_zeroed(op):
    data = bytearray((op / "operation.sqlite").read_bytes())
    data[8192:12288] = bytes(4096)
    (op / "operation.sqlite").write_bytes(data)


@attack(BROKEN, r"does not begin with the record of its operation|the table leaf in the case file is gone")
def the_case_file_replaced_by_an_empty_one(op):
    (op / "operation.sqlite").unlink()
    execute(op, "CREATE TABLE t (a)")
    (op / "operation.sqlite").chmod(0o600)
