"""A connection to PostgreSQL that keeps what it has confirmed: opened, checked, errors sorted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from cloud_bridge.ledger.port import LedgerUnavailable, LedgerUnsafe
from cloud_bridge.ledger.postgres_schema import APPEND_ONLY, MAKE_WORKER, MIGRATIONS

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

#: Taken while a ledger is made or brought up to date.
_MIGRATION_LOCK = 0x6C74_0001

#: A bridge that waits does not serve its MQTT connection, so it waits shortly and tries again.
#: There is no statement_timeout on purpose: cancelling a commit that waits for the standby would
#: confirm it without (https://www.postgresql.org/docs/15/warm-standby.html#SYNCHRONOUS-REPLICATION).
DEFAULTS = {
    "connect_timeout": "5",
    "tcp_user_timeout": "10000",
    "target_session_attrs": "read-write",
    "application_name": "lanetally-bridge",
    "options": "-c lock_timeout=5000 -c idle_in_transaction_session_timeout=60000",
}

#: What the ledger relies on: setting -> the values that promise it.
_PROMISES = {
    "fsync": {"on"},
    "full_page_writes": {"on"},
    "synchronous_commit": {"on", "remote_apply"},
    "server_encoding": {"UTF8"},
}


def connect(dsn: str) -> Connection:
    """A connection for a bridge's worker. Raises LedgerUnsafe or LedgerUnavailable."""
    with sorted_errors():
        db = _open(dsn)
        try:
            _check_promises(db)
            _check_version(db)
            _check_grants(db)
        except BaseException:
            db.close()
            raise
    return db


def migrate(dsn: str) -> int:
    """Make the ledger's tables, or bring them up to date, as their owner; the version they have.
    Raises LedgerUnsafe or LedgerUnavailable."""
    with sorted_errors(), _open(dsn) as db:
        _check_promises(db)
        with db.transaction():
            db.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
            db.execute(MAKE_WORKER)
            version = _version(db)
            if version > len(MIGRATIONS):
                raise LedgerUnsafe(f"the ledger was made by a later release, as version {version}")
            for script in MIGRATIONS[version:]:
                db.execute(script)
            db.execute("UPDATE schema_version SET version = %s", (len(MIGRATIONS),))
    return len(MIGRATIONS)


def _open(dsn: str) -> Connection:
    given = {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
    whole = make_conninfo("", **(DEFAULTS | given))
    return psycopg.connect(whole, autocommit=True, prepare_threshold=2)


def _check_promises(db: Connection) -> None:
    for setting, good in _PROMISES.items():
        (value,) = db.execute("SELECT current_setting(%s)", (setting,)).fetchone() or ("",)
        if value not in good:
            wanted = " or ".join(sorted(good))
            raise LedgerUnsafe(f"{setting} must be {wanted}, but is {value}")


def _check_version(db: Connection) -> None:
    version = _version(db)
    if version < len(MIGRATIONS):
        raise LedgerUnsafe("the ledger's tables are missing or old: run lanetally-bridge migrate")
    if version > len(MIGRATIONS):
        raise LedgerUnsafe(f"the ledger was made by a later release, as version {version}")


def _version(db: Connection) -> int:
    (there,) = db.execute("SELECT to_regclass('schema_version')").fetchone() or (None,)
    if there is None:
        return 0
    (version,) = db.execute("SELECT version FROM schema_version").fetchone() or (0,)
    return int(version)


def _check_grants(db: Connection) -> None:
    """A worker that could change what is posted is one mistake away from doing it."""
    for table in APPEND_ONLY:
        sql = "SELECT has_table_privilege(%s, 'UPDATE, DELETE, TRUNCATE'), current_user"
        may, user = db.execute(sql, (table,)).fetchone() or (True, "")
        if may:
            raise LedgerUnsafe(
                f"the role {user} may change {table}: let the bridge log in as one that has only"
                " been granted lanetally_worker"
            )


@contextmanager
def sorted_errors() -> Iterator[None]:
    """Turn what may pass into LedgerUnavailable, and what must be mended into LedgerUnsafe."""
    try:
        yield
    except errors.InsufficientPrivilege as error:
        raise LedgerUnsafe(_first_line(error)) from error
    except (psycopg.OperationalError, errors.ReadOnlySqlTransaction) as error:
        raise LedgerUnavailable(_first_line(error)) from error
    except psycopg.InterfaceError as error:  # the connection was closed under our hands
        raise LedgerUnavailable(_first_line(error)) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
