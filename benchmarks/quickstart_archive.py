"""Make the archive of the quickstart pool that ships with the package: `python benchmarks/quickstart_archive.py`.

The archive is a tar file without times or owners, compressed by xz, so that the same seed gives the same bytes. The
digest of the archive stands in `dataselect/experiment/quickstart.py`, which refuses any other.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import tarfile
from collections.abc import Mapping
from pathlib import Path

from quickstart_pool.pool import make_quickstart, pool_files

from dataselect.experiment.quickstart import ARCHIVE


def archived(files: Mapping[str, bytes]) -> bytes:
    """Return the archive of some files, which depends on nothing but their paths and contents."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return lzma.compress(packed.getvalue(), preset=9 | lzma.PRESET_EXTREME)


def main(path: Path = ARCHIVE) -> None:
    """Write the archive and print its size and digest."""
    content = archived(pool_files(make_quickstart()))
    path.write_bytes(content)
    print(f"{path}: {len(content):,} bytes, sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
