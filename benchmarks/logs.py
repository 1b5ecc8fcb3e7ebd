"""Flight logs: our readers against the libraries a user would pick, on the same file, for the same fields."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from benchmarks import Row, best_of
from telemetry.logs.dataflash_file import read_dataflash, read_records
from telemetry.logs.tlog_file import read_messages, read_tlog
from telemetry.logs.ulog_file import read_topics

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "logs"
TLOG = {
    "GLOBAL_POSITION_INT": ("time_boot_ms", "lat", "lon", "alt"),
    "ATTITUDE": ("time_boot_ms", "roll", "pitch", "yaw"),
    "GPS_RAW_INT": ("time_usec", "lat", "lon", "alt", "fix_type"),
    "SYSTEM_TIME": ("time_unix_usec", "time_boot_ms"),
}
DATAFLASH = {
    "GPS": ("TimeMS", "Week", "Status", "Lat", "Lng", "Alt"),
    "ATT": ("TimeMS", "Roll", "Pitch", "Yaw"),
}
ULOG = {
    "vehicle_global_position": ("timestamp", "lat", "lon", "alt", "eph", "epv"),
    "vehicle_attitude": ("timestamp", "q[0]", "q[1]", "q[2]", "q[3]"),
    "vehicle_gps_position": ("timestamp", "time_utc_usec"),
}


def tlog_ours(path: Path) -> dict[str, np.ndarray]:
    tables = read_messages(path, tuple(TLOG)).tables
    return {f"{name}.{field}": tables[name].fields[field] for name, fields in TLOG.items() for field in fields}


def tlog_pymavlink(path: Path) -> dict[str, np.ndarray]:
    from pymavlink import mavutil

    log = mavutil.mavlink_connection(str(path))
    rows: dict[str, list] = {f"{name}.{field}": [] for name, fields in TLOG.items() for field in fields}
    while (message := log.recv_match(type=list(TLOG))) is not None:
        name = message.get_type()
        for field in TLOG[name]:
            rows[f"{name}.{field}"].append(getattr(message, field))
    log.close()
    return {name: np.array(values) for name, values in rows.items()}


def dataflash_ours(path: Path) -> dict[str, np.ndarray]:
    tables = read_records(path, tuple(DATAFLASH)).tables
    return {f"{name}.{field}": tables[name].column(field) for name, fields in DATAFLASH.items() for field in fields}


def dataflash_pymavlink(path: Path) -> dict[str, np.ndarray]:
    from pymavlink import DFReader

    log = DFReader.DFReader_binary(str(path))
    rows: dict[str, list] = {f"{name}.{field}": [] for name, fields in DATAFLASH.items() for field in fields}
    while (message := log.recv_match(type=list(DATAFLASH))) is not None:
        name = message.get_type()
        for field in DATAFLASH[name]:
            rows[f"{name}.{field}"].append(getattr(message, field))
    log.data_map.close()
    log.filehandle.close()
    return {name: np.array(values) for name, values in rows.items()}


def dataflash_pymavlink_whole(path: Path) -> int:
    """Step through every message, as its users do who look for more than two kinds."""
    from pymavlink import DFReader

    log = DFReader.DFReader_binary(str(path))
    count = 0
    while log.recv_msg() is not None:
        count += 1
    log.data_map.close()
    log.filehandle.close()
    return count


def ulog_ours(path: Path) -> dict[str, np.ndarray]:
    tables = read_topics(path, tuple(ULOG)).tables
    result = {}
    for name, fields in ULOG.items():
        for field in fields:
            base, _, index = field.partition("[")
            column = tables[name, 0].fields[base]
            result[f"{name}.{field}"] = column[:, int(index[:-1])] if index else column
    return result


def ulog_pyulog(path: Path) -> dict[str, np.ndarray]:
    from pyulog import ULog

    log = ULog(str(path), list(ULOG))
    data = {topic.name: topic.data for topic in log.data_list if topic.multi_id == 0}
    return {f"{name}.{field}": data[name][field] for name, fields in ULOG.items() for field in fields}


def agree(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> None:
    """Stop the benchmark where both did not read the same numbers."""
    for name, values in theirs.items():
        np.testing.assert_allclose(ours[name].astype(float), values.astype(float), rtol=1e-12, err_msg=name)


def compare(what: str, path: Path, ours, theirs, *, rival: str, goal: str) -> Row:
    agree(ours(path), theirs(path))
    return Row(
        what=what,
        ours=best_of(lambda: ours(path), 12) * 1e3,
        rival=best_of(lambda: theirs(path), 2) * 1e3,
        rival_name=rival,
        unit="ms",
        goal=goal,
    )


def run() -> list[Row]:
    if not DATA.is_dir():
        return []
    with tempfile.TemporaryDirectory() as folder:
        tlog = Path(folder) / "eight.tlog"
        # the sample log eight times over (7.7 MB), so that one call is longer than a slice of a busy core
        tlog.write_bytes((DATA / "ardupilot/vtol.tlog").read_bytes() * 8)
        rows = tlog_rows(tlog)
    return rows + dataflash_rows(DATA / "dronekit-la/log171.bin") + ulog_rows(DATA / "px4/sample_px4_events.ulg")


def tlog_rows(path: Path) -> list[Row]:
    fields = compare(
        ".tlog, 4 messages' fields", path, tlog_ours, tlog_pymavlink, rival="pymavlink mavlogfile", goal=">= 20x"
    )
    track = Row(
        what=".tlog to a whole pose track",
        ours=best_of(lambda: read_tlog(path), 5) * 1e3,
        rival=fields.rival,
        rival_name="pymavlink mavlogfile, fields only",
        unit="ms",
    )
    return [fields, track]


def dataflash_rows(path: Path) -> list[Row]:
    fields = compare(
        ".bin, GPS and ATT fields",
        path,
        dataflash_ours,
        dataflash_pymavlink,
        rival="pymavlink DFReader, recv_match(type)",
        goal=">= 20x",
    )
    whole = Row(
        what=".bin, every record of every type",
        ours=best_of(lambda: read_records(path, None), 12) * 1e3,
        rival=best_of(lambda: dataflash_pymavlink_whole(path)) * 1e3,
        rival_name="pymavlink DFReader",
        unit="ms",
        goal=">= 20x",
    )
    track = Row(
        what=".bin to a whole pose track",
        ours=best_of(lambda: read_dataflash(path), 12) * 1e3,
        rival=fields.rival,
        rival_name="pymavlink DFReader, fields only",
        unit="ms",
    )
    return [fields, whole, track]


def ulog_rows(path: Path) -> list[Row]:
    return [compare(".ulg, 3 topics' fields", path, ulog_ours, ulog_pyulog, rival="pyulog", goal=">= 1x")]
