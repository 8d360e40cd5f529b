"""The keyword index: BM25 (k1 = 1.2, b = 0.75) in tantivy, over terms that our own analyzer makes.

Texts go in as terms joined by spaces, so tantivy's white-space tokenizer sees exactly what `ragcli.text.analyze` made
of them, at index and at query time alike. What title, heading path and file name say counts in addition to the text.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from math import log1p
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import tantivy
from tantivy import Occur, Query

from ragcli.errors import IndexDamaged, StoreUnwritable
from ragcli.ports import KeywordEntry, KeywordQuery
from ragcli.ports.store import AnalyzedEntry
from ragcli.store.keyword_fields import Analyze, fields_of
from ragcli.text import question
from ragcli.text.analyze import STOP_WORDS
from ragcli.text.analyze import terms as analyze_terms

if TYPE_CHECKING:
    from os import PathLike

    from ragcli.store.analysts import Analysts

BODY = "body"
WEIGHTS = {BODY: 1.0, "title": 0.3, "heading": 0.3, "name": 0.1}
"""What a match in each field is worth; the others add to the body, which repeats most headings and many titles."""

_FORMAT = "1"
"""Of the schema and the analyzer together: an index of another format is built anew."""
_LONGEST_TITLE = 100  # characters; a longer one is the beginning of a text that has none
_MOST_TERMS = 128  # of a query: the rarest; time grows with each
_WRITER_MEMORY = 64_000_000


class TantivyIndex:
    """Implements `KeywordIndex`. Several processes may read while one writes; `reload` shows what it has committed."""

    def __init__(
        self,
        path: str | PathLike[str] | None,
        *,
        analyze: Analyze = analyze_terms,
        analyze_question: Callable[[str], list[str]] = question.content_terms,
        create: bool = False,
    ) -> None:
        """Opens the index in the folder `path`; None: in memory. Raises IndexDamaged unless it is there and whole.

        `create` makes an empty one where none is. Raises StoreUnwritable.
        """
        self._path = Path(path) if path is not None else None
        self._analyze = analyze
        self._analyze_question = analyze_question
        self._schema = _schema()
        self._writer: tantivy.IndexWriter | None = None
        self._uncommitted = False
        self._analysts: Analysts | None = None
        self._links: TemporaryDirectory[str] | None = None
        try:
            self._index = self._open(self._path, create)
        except StoreUnwritable:  # tantivy locks a folder also to read it
            if create or self._path is None:
                raise
            self._links = _linked(self._path)
            self._index = self._open(Path(self._links.name), create=False)
        with self._guarded():
            self._searcher = self._index.searcher()

    # --- reading

    def search(self, query: KeywordQuery, k: int) -> list[tuple[int, float]]:
        """Up to k (chunk id, BM25 score), best first. Raises IndexDamaged."""
        if k < 1:
            return []
        with self._guarded():
            asked = self._query(query)
            if asked is None:
                return []
            hits = self._searcher.search(asked, k, count=False).hits
            ids = self._searcher.fast_field_values("id", [address for _, address in hits])
        return [(int(id), float(score)) for id, (score, _) in zip(ids, hits, strict=True) if id is not None]

    def rarity(self, terms: Iterable[str]) -> dict[str, float]:
        """The inverse document frequency of each term among the texts, as BM25 counts it. Raises IndexDamaged."""
        documents = len(self)
        return {term: _idf(containing, documents) for term, containing in self._containing(terms).items()}

    def reload(self) -> None:
        """Shows what any process has committed. Raises IndexDamaged."""
        with self._guarded():
            self._index.reload()
            self._searcher = self._index.searcher()

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def _containing(self, terms: Iterable[str]) -> dict[str, int]:
        with self._guarded():
            return {term: self._searcher.doc_freq(BODY, term) for term in set(terms)}

    def _query(self, query: KeywordQuery) -> Query | None:
        """Filters as required clauses, terms as optional ones; None where nothing is asked for."""
        phrases = [run for phrase in query.phrases if (run := self._analyze(phrase))]
        required = [self._phrase(run) for run in phrases]
        if query.paths:
            patterns = [Query.regex_query(self._schema, "path", path_pattern(path)) for path in query.paths]
            required.append(Query.const_score_query(Query.boolean_query([(Occur.Should, p) for p in patterns]), 0.0))
        excluded = [self._phrase(run) for text in query.excluded if (run := self._analyze(text))]
        wanted = self._wanted(query.text, phrases)
        if not wanted and not required:
            return None
        clauses = [(Occur.Must, clause) for clause in required] + [(Occur.MustNot, clause) for clause in excluded]
        if not clauses:
            return Query.boolean_query(wanted)
        if wanted:
            clauses.append((Occur.Should if phrases else Occur.Must, Query.boolean_query(wanted)))
        return Query.boolean_query(clauses)

    def _wanted(self, text: str, phrases: Sequence[Sequence[str]]) -> list[tuple[Occur, Query]]:
        """One clause a term and field. What stands twice counts twice: long questions repeat their topic."""
        counts = Counter(self._analyze_question(text))
        counts.update(term for run in phrases for term in run)
        if len(counts) > _MOST_TERMS:
            containing = self._containing(counts)
            known = sorted((term for term in counts if containing[term]), key=containing.__getitem__)
            counts = Counter({term: counts[term] for term in known[:_MOST_TERMS]})
        clauses: list[tuple[Occur, Query]] = []
        for term, count in counts.items():
            if term in STOP_WORDS:
                clauses.append((Occur.Should, self._term("common", term, count)))
                continue
            clauses.extend((Occur.Should, self._term(field, term, count * weight)) for field, weight in WEIGHTS.items())
        return clauses

    def _term(self, field: str, term: str, boost: float) -> Query:
        return Query.boost_query(Query.term_query(self._schema, field, term, "freq"), boost)

    def _phrase(self, run: Sequence[str]) -> Query:
        """The run of terms in the text, the title or the headings; a filter, without a score."""
        fields = (BODY, "title", "heading")
        if len(run) == 1:
            found = [Query.term_query(self._schema, field, run[0]) for field in fields]
        else:
            found = [Query.phrase_query(self._schema, field, list(run)) for field in fields]
        return Query.const_score_query(Query.boolean_query([(Occur.Should, query) for query in found]), 0.0)

    # --- writing

    def add(self, entries: Iterable[KeywordEntry]) -> None:
        """Adds without committing. Raises StoreUnwritable, IndexDamaged."""
        self.add_analyzed(self.analyzed(list(entries)))

    def analyzed(self, entries: Sequence[KeywordEntry]) -> Sequence[AnalyzedEntry]:
        """By our own analyzer in other processes, where there are many."""
        if self._analyze is not analyze_terms:
            return [fields_of(entry, self._analyze) for entry in entries]
        if self._analysts is None:
            from ragcli.store.analysts import Analysts

            self._analysts = Analysts()
        return self._analysts.fields(entries)

    def add_analyzed(self, entries: Iterable[AnalyzedEntry]) -> None:
        """Adds without committing. Raises StoreUnwritable, IndexDamaged."""
        writer = self._writing()
        with self._guarded():
            for id, fields in entries:
                document = tantivy.Document()
                document.add_unsigned("id", id)
                for field, text in fields:
                    document.add_text(field, text)
                writer.add_document(document)

    def delete(self, ids: Iterable[int]) -> None:
        """Deletes without committing. Raises StoreUnwritable, IndexDamaged."""
        writer = self._writing()
        with self._guarded():
            writer.delete_documents_by_query(Query.term_set_query(self._schema, "id", list(ids)))

    def commit(self) -> None:
        """Makes adds and deletes durable and visible. Raises StoreUnwritable, IndexDamaged."""
        if self._writer is not None:
            with self._guarded():
                self._writer.commit()
            self._uncommitted = False
            self.reload()

    def close(self) -> None:
        """Lets go of the files; what was not committed is gone. Merges end first: the files are final after it."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with self._guarded():
                if self._uncommitted:  # a rollback leaves merges writing behind our back
                    writer.rollback()
                writer.wait_merging_threads()
        if self._analysts is not None:
            self._analysts.close()
        if self._links is not None:
            self._links.cleanup()

    def _writing(self) -> tantivy.IndexWriter:
        if self._links is not None:
            raise self._unwritable(PermissionError("the folder is read-only"))
        if self._writer is None:
            with self._guarded():
                self._writer = self._index.writer(_WRITER_MEMORY, 1)
        self._uncommitted = True
        return self._writer

    # --- the folder

    def _open(self, folder: Path | None, create: bool) -> tantivy.Index:
        with self._guarded():
            if folder is None:
                index = tantivy.Index(self._schema)
            elif create and not tantivy_exists(folder):
                folder.mkdir(parents=True, exist_ok=True)
                index = tantivy.Index(self._schema, str(folder))
                (folder / "FORMAT").write_text(_FORMAT, encoding="ascii")
            else:
                if (folder / "FORMAT").read_text(encoding="ascii", errors="replace") != _FORMAT:
                    raise ValueError("made by another version of ragcli")
                index = tantivy.Index.open(str(folder))
            index.config_reader("manual")
            index.reload()
            return index

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """What tantivy raises, as errors of the store; a panic in it too, which is no Exception."""
        try:
            yield
        except (PermissionError, BlockingIOError) as error:
            raise self._unwritable(error) from error
        except (ValueError, OSError, RuntimeError, KeyError) as error:
            if any(sign in str(error) for sign in ("No space left", "Permission denied", "LockBusy", "Lockfile")):
                raise self._unwritable(error) from error
            raise self._damaged(error) from error
        except BaseException as error:
            if type(error).__name__ != "PanicException":
                raise
            raise self._damaged(error) from error

    def _damaged(self, error: BaseException) -> IndexDamaged:
        return IndexDamaged(
            f"the keyword index in {self._path or 'memory'} cannot be used ({_first_line(error)})",
            remedy="build it again with: ragcli ingest PATH",
        )

    def _unwritable(self, error: BaseException) -> StoreUnwritable:
        return StoreUnwritable(
            f"the keyword index in {self._path or 'memory'} cannot be written ({_first_line(error)})",
            remedy="free some space or change the folder's permissions, then ingest again",
        )


def path_pattern(pattern: str) -> str:
    """The regular expression, over whole lower-case paths with slashes, of a glob or a part of a path."""
    pattern = pattern.replace("\\", "/").lower()
    if not any(sign in pattern for sign in "*?"):
        return f".*{_escape(pattern)}.*"
    glob = "".join({"*": ".*", "?": "."}.get(character) or _escape(character) for character in pattern)
    return f"(.*/)?{glob}"


def _linked(folder: Path) -> TemporaryDirectory[str]:
    """A folder that can be written, with links to the files of one that cannot."""
    links = TemporaryDirectory(prefix="ragcli-", ignore_cleanup_errors=True)
    for path in folder.iterdir():
        if path.suffix != ".lock":
            target = Path(links.name, path.name)
            try:
                target.symlink_to(path.absolute())
            except (OSError, NotImplementedError):  # Windows may want a privilege for it
                shutil.copyfile(path, target)
    return links


def tantivy_exists(path: Path) -> bool:
    with suppress(ValueError, OSError):
        return bool(tantivy.Index.exists(str(path)))
    return False


def _escape(text: str) -> str:
    """Escapes no more than tantivy's regular expressions know."""
    return re.sub(r"([\\.+*?()|\[\]{}^$&~#-])", r"\\\1", text)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _idf(containing: int, documents: int) -> float:
    """Robertson and Spärck Jones, as tantivy has it: ln(1 + (N - n + 0.5) / (n + 0.5))."""
    return log1p((max(documents, containing) - containing + 0.5) / (containing + 0.5))


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("id", indexed=True, fast=True)
    builder.add_text_field("path", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("common", tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("name", tokenizer_name="whitespace", index_option="freq")
    for field in (BODY, "title", "heading"):
        builder.add_text_field(field, tokenizer_name="whitespace", index_option="position")
    return builder.build()
