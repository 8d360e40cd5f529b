"""Where a collection's files lie, who may read them, and who may write them.

    HOME/collections/<ascii name>-<hash>/
        catalog.db      the truth: documents, texts, vectors
        vectors/N/      Chroma          \\
        keywords/N/     tantivy          > indexes of it that can be thrown away
        matrix/N.*      the exact scan  /
        write.lock      held by the one process that writes; write.holder says who that is
        vectors.lock    held by the one process that has Chroma open

Chroma's file names must be ASCII on some systems, so the display name is kept in the catalog and hashed here. An
index that is rebuilt gets the next number N and the catalog says which one counts: nothing that a reader has open is
replaced.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from ragcli.errors import IndexMissing, RagcliError, StoreUnwritable, UsageError

_FOLDER_NAME = re.compile(r"([a-z0-9-]+-)?[0-9a-f]{12}")
FOLDER_MODE = 0o700
FILE_MODE = 0o600


class Home(Struct, frozen=True):
    """The folder that holds all collections."""

    path: Path

    def collection(self, name: str) -> Place:
        """Where the collection of this name lies, whether or not it exists. Raises UsageError where it is no name.

        The name of a folder will do where its catalog cannot be read and so does not say the collection's own.
        """
        try:  # a locale without UTF-8 leaves arguments undecoded
            name = unicodedata.normalize("NFC", name.encode("utf-8", "surrogateescape").decode().strip())
        except UnicodeError:
            raise UsageError(f"{name!r} is no name in UTF-8", remedy="give one with -c NAME") from None
        if not name:
            raise UsageError("a collection needs a name", remedy="give one with -c NAME")
        if _FOLDER_NAME.fullmatch(name) and Place(name, self.path / "collections" / name).exists:
            return Place(name, self.path / "collections" / name)
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:32]
        digest = hashlib.sha256(name.encode()).hexdigest()[:12]
        return Place(name, self.path / "collections" / f"{slug}-{digest}".lstrip("-"))

    def collections(self) -> list[Place]:
        """The collections that exist, by name; one whose catalog cannot be read goes by its folder's name."""
        from ragcli.store.catalog import Catalog

        places: list[Place] = []
        for folder in _subfolders(self.path / "collections"):
            place = Place(folder.name, folder)
            if place.exists:
                try:
                    with Catalog.read(place) as catalog:
                        place = Place(catalog.name, folder)
                except RagcliError:
                    likely = self.collection(folder.name.rpartition("-")[0] or folder.name)
                    place = likely if likely.folder == folder else place
                places.append(place)
        return sorted(places, key=lambda place: place.name)


class Place(Struct, frozen=True):
    """The files of one collection; `name` is as the user typed it."""

    name: str
    folder: Path

    @property
    def catalog(self) -> Path:
        return self.folder / "catalog.db"

    @property
    def vectors(self) -> Path:
        return self.folder / "vectors"

    @property
    def keywords(self) -> Path:
        return self.folder / "keywords"

    @property
    def matrix(self) -> Path:
        return self.folder / "matrix"

    @property
    def vectors_lock(self) -> Path:
        return self.folder / "vectors.lock"

    @property
    def exists(self) -> bool:
        return self.catalog.is_file()

    def bytes_on_disk(self) -> int:
        """Of all files together, as they are now."""
        return sum(size for _, size, _ in files_in(self.folder))

    def create(self) -> None:
        """Raises StoreUnwritable."""
        make_private(self.folder)

    def clear(self) -> None:
        """Indexes without a catalog belong to one that is gone. Raises StoreUnwritable."""
        with writing(self.folder):
            for folder in (self.vectors, self.keywords, self.matrix):
                if folder.exists():
                    shutil.rmtree(folder)

    def delete(self) -> None:
        """Takes the whole collection away; the caller holds the writer's lock. Raises StoreUnwritable."""
        with writing(self.folder):
            with suppress(FileNotFoundError):
                self.catalog.unlink()  # first: what is left of a deletion that is cut off is no collection
            shutil.rmtree(self.folder)


def make_private(folder: Path) -> None:
    """Makes a folder and its missing parents, closed to others whatever the umask. Raises StoreUnwritable."""
    with writing(folder):
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        for path in reversed(missing):
            path.mkdir(mode=FOLDER_MODE, exist_ok=True)
            keep_private(path, FOLDER_MODE)


def keep_private(path: Path, mode: int = FILE_MODE) -> None:
    """Closes a file or folder to others; does nothing where the system has no such modes or it is not ours."""
    if os.name == "posix":
        with suppress(OSError):
            path.chmod(mode)


def keep_all_private(folder: Path) -> None:
    """Closes a folder with all that libraries have put into it."""
    keep_private(folder, FOLDER_MODE)
    for root, folders, files in os.walk(folder):
        for name in folders:
            keep_private(Path(root, name), FOLDER_MODE)
        for name in files:
            keep_private(Path(root, name))


def files_in(folder: Path) -> Iterator[tuple[str, int, int]]:
    """Path below the folder, size and mtime in ns of each file at any depth, in order of path."""
    for root, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = Path(root, name)
            with suppress(OSError):  # gone since it was listed
                stat = path.stat()
                yield path.relative_to(folder).as_posix(), stat.st_size, stat.st_mtime_ns


def fingerprint(folder: Path, *, ignore: str = "") -> str:
    """Changes when a file below the folder is changed, added or lost; empty where there is no such folder.

    Left out are the file `ignore`, and locks, which readers make and take.
    """
    if not folder.is_dir():
        return ""
    digest = hashlib.sha256()
    for file in files_in(folder):
        if file[0] != ignore and not file[0].endswith(".lock"):
            digest.update(repr(file).encode())
    return digest.hexdigest()[:32]


def numbered(folder: Path) -> list[int]:
    """The numbers of the indexes in a folder, also of those that were left unfinished."""
    names = {path.name.partition(".")[0] for path in folder.iterdir()} if folder.is_dir() else set[str]()
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())


def drop_others(folder: Path, keep: int) -> None:
    """Deletes all numbered indexes but one; those that a reader holds open on Windows stay until the next time."""
    for number in numbered(folder):
        if number != keep:
            for path in folder.glob(f"{number}*"):
                if path.name.partition(".")[0] == str(number):
                    if path.is_dir():
                        shutil.rmtree(path, ignore_errors=True)
                    else:
                        with suppress(OSError):
                            path.unlink()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns the system's refusal to write into StoreUnwritable."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreUnwritable(
            f"cannot write below {path}: {reason}",
            remedy="free space, mend the folder's permissions, or choose another with --home DIR",
        ) from error


def _subfolders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise IndexMissing(f"cannot read {folder}: {error.strerror}", remedy="mend its permissions") from error
