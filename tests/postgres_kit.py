"""A real PostgreSQL on a free loopback port, started as an unprivileged user, and its standby."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg

from cloud_bridge.ledger.postgres_schema import APPEND_ONLY, CHANGING
from cloud_bridge.ledger.postgres_server import migrate
from tests.broker_kit import free_port, wait_for

#: Debian keeps the server's own programs here; its client programs alone are on the path.
BIN = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))

#: PostgreSQL refuses to run as root.
USER = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name

_numbers = itertools.count(1)


class Postgres:
    """One server with its files in a folder of its own. Durable, as PostgreSQL is by default."""

    def __init__(self, *, standby_of: Postgres | None = None, like: Postgres | None = None) -> None:
        """A new server; a standby of one that runs; or one as another was when it was halted, on
        its port."""
        self.port = like.port if like else free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="lanetally-pg-", dir="/tmp"))
        self.data = self.folder / "data"
        if os.geteuid() == 0:
            shutil.chown(self.folder, USER, pwd.getpwnam(USER).pw_gid)
        if like:
            subprocess.run(["cp", "-a", like.data, self.data], check=True)
        elif standby_of:
            primary = standby_of.dsn("postgres")
            as_user("pg_basebackup", "-D", self.data, "-R", "-N", "-c", "fast", "-d", primary)
        else:
            as_user("initdb", "-D", self.data, "-U", "owner", "-A", "trust", "-E", "UTF8", "-N")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self, **settings: str) -> None:
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.folder),
            "shared_buffers": "32MB",
            **settings,
        }
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [BIN / "postgres", "-D", self.data, "-p", str(self.port), *arguments],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                **_user(),
            )
        wait_for(self.answers, f"PostgreSQL answers ({self.folder}/log)")

    def answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        try:
            psycopg.connect(self.dsn("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def dsn(self, database: str, user: str = "owner") -> str:
        return f"host=127.0.0.1 port={self.port} dbname={database} user={user}"

    def kill(self) -> None:
        """SIGKILL to the server and all its processes at once, as a power cut."""
        assert self._process is not None
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self._process.pid)], capture_output=True, check=False
        )
        self._process.kill()
        for pid in map(int, children.stdout.split()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.wait()

    def halt(self) -> None:
        """An orderly end ("fast" shutdown)."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait()

    def stop(self) -> None:
        """The end, of its files too."""
        assert self._process is not None
        if self._process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def promote(self) -> None:
        as_user("pg_ctl", "promote", "-D", self.data, "-w")

    # --- databases -----------------------------------------------------------------------------

    def run(self, statement: str, database: str = "postgres") -> None:
        with psycopg.connect(self.dsn(database), autocommit=True) as db:
            db.execute(statement)

    def make_template(self) -> None:
        """A ledger's tables, and the login of a bridge, for `new_ledger`."""
        self.run("CREATE DATABASE ledger_template")
        migrate(self.dsn("ledger_template"))
        self.run("CREATE ROLE bridge LOGIN IN ROLE lanetally_worker")

    def new_ledger(self) -> str:
        """The name of a new database with an empty ledger."""
        name = f"ledger_{next(_numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE ledger_template")
        return name

    def empty(self, database: str) -> None:
        """A ledger as new, much sooner than a new one: its protection looks away for a moment."""
        tables = (*APPEND_ONLY, *CHANGING)
        self.run(
            "SET session_replication_role = replica;"
            + "".join(f"DELETE FROM {table};" for table in tables)
            + "".join(f"ALTER TABLE {table} ENABLE TRIGGER append_only;" for table in APPEND_ONLY)
            + "ALTER TABLE quarantine ALTER COLUMN case_id RESTART",
            database,
        )


def as_user(program: str, *arguments: object) -> None:
    command = [str(BIN / program), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, check=False, cwd="/", **_user())
    assert done.returncode == 0, done.stderr.decode()


def _user() -> dict[str, object]:
    if os.geteuid() != 0:
        return {}
    return {"user": USER, "group": pwd.getpwnam(USER).pw_gid, "extra_groups": []}
