"""Reading where nothing can be written; whole homes on such disks are in `tests/e2e/test_disks.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
_PROGRAM = """
import os, sys
from pathlib import Path
from sync.errors import StoreError
from sync.store.database import Database
folder = Path(sys.argv[1])
database = Database(folder / "lovelace.db", b"k" * 32, b"i" * 16)
database.create()
writer = database.writer()
writer.execute("CREATE TABLE t(x)")
if sys.argv[2] == "open":
    kept = database.reader()
    kept.execute("SELECT * FROM t").fetchall()
else:
    writer.close()
for path in (*folder.iterdir(), folder):
    os.chown(path, 65534, 65534)
    path.chmod(0o500 if path == folder else 0o400)
os.setegid(65534)
os.seteuid(65534)
print(database.reader().execute("SELECT count(*) FROM t").fetchone())
try:
    database.writer().execute("INSERT INTO t VALUES(1)")
except Exception as error:
    print(type(error).__name__)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not write")
@pytest.mark.parametrize("left", ["open", "closed"])
def test_a_folder_that_its_owner_closed_to_writing(tmp_path: Path, left: str) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    for path in (tmp_path, *tmp_path.parents):
        if not path.stat().st_mode & 0o001:
            path.chmod(path.stat().st_mode | 0o011)
    run = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(folder), left], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    folder.chmod(0o700)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[0] == "(0,)" and len(run.stdout.splitlines()) == 2
