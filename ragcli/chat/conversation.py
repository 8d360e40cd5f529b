"""What a chat knows: the exchanges so far, the session they are saved in, and the switches of this chat."""

from __future__ import annotations

from msgspec import Struct, field
from msgspec.structs import replace

from ragcli.ports import Assistant, SessionStore
from ragcli.types import Answer, Turn, Usage


class Totals(Struct):
    """Sums over a chat since it was started."""

    answers: int = 0
    usage: Usage = field(default_factory=Usage)
    cached: int = 0
    waits: int = 0
    waited_s: float = 0.0


class Conversation:
    """One chat; every change is written to the store at once."""

    def __init__(self, assistant: Assistant, sessions: SessionStore, *, pick: bool, reasoning: bool) -> None:
        self.assistant = assistant
        self.sessions = sessions
        self.pick = pick
        self.reasoning = reasoning
        self.cache = True
        self.name: str | None = None
        self.answers: list[Answer] = []
        self.totals = Totals()
        self.shared = False
        """Whether another chat was seen to write in this session."""
        self._numbers: list[int | None] = []
        self._current: int | None = None
        self._replaced: Answer | None = None

    @property
    def last(self) -> Answer | None:
        return self.answers[-1] if self.answers else None

    @property
    def saved(self) -> bool:
        """Whether anything of this session is in the store."""
        return any(number is not None for number in self._numbers)

    @property
    def history(self) -> list[Turn]:
        return [Turn(answer.question, answer.answer, answer.gist) for answer in self.answers if answer.answer]

    def load(self, name: str) -> bool:
        """Goes on with a stored session; False where it has no exchange yet. Raises StoreError."""
        stored = self.sessions.exchanges(name)
        self.name = name
        self.shared = False
        self._numbers = [number for number, _ in stored]
        self.answers = [answer for _, answer in stored]
        return bool(stored)

    def start_anew(self) -> None:
        """The next question begins another session; this one stays stored."""
        self.name = None
        self.shared = False
        self.answers, self._numbers = [], []

    def begin(self, question: str, *, again: bool = False) -> str:
        """Names the session for this question; `again` will put the answer in the place of the last one."""
        if self.name is None:
            self.name = self.sessions.free_name(question)
        self._current = self._replaced = None
        if again and self.answers:
            self._replaced = self.answers.pop()
            self._current = self._numbers.pop()
        return self.name

    def claim(self) -> Answer:
        """The last exchange as it is stored now, for this chat alone to go on with. Raises StoreError."""
        number = self._numbers[-1]
        if number is not None:
            self.answers[-1] = self.sessions.claim(number)
        return self.answers[-1]

    def busy(self) -> float:
        """For how many seconds the last exchange still belongs to another chat. Raises StoreError."""
        number = self._numbers[-1] if self._numbers else None
        return 0.0 if number is None else self.sessions.busy(number)

    def save(self, answer: Answer, *, growing: bool = True) -> None:
        """Stores the present exchange as it is now; more of it will come while it is `growing`. Raises StoreError."""
        if self.name is None or not answer.answer:
            return
        answer = replace(answer, session=self.name)
        if self._current is None:
            self._current = self.sessions.append(self.name, answer, growing=growing)
        else:
            self._current = self.sessions.update(self._current, answer, growing=growing)

    def finish(self, answer: Answer) -> bool:
        """Ends the present exchange; an answer without text does not take the place of one that has.

        True where another chat has written in this session meanwhile, for the first time. Raises StoreError; the
        exchange is part of the chat all the same.
        """
        self._count(answer)
        kept = answer if answer.answer or self._replaced is None else self._replaced
        self.answers.append(replace(kept, session=self.name))
        self._numbers.append(self._current)
        self.save(answer, growing=False)
        if self._current is None or self.name is None:
            return False
        self._numbers[-1] = self._current
        stored = self.sessions.exchanges(self.name)
        foreign = {number for number, _ in stored} - set(self._numbers)
        if not foreign:
            return False
        self._numbers = [number for number, _ in stored]
        self.answers = [kept for _, kept in stored]
        first, self.shared = not self.shared, True
        return first

    def waited(self, seconds: float) -> None:
        """Counts a wait before a retry."""
        self.totals.waits += 1
        self.totals.waited_s += seconds

    def rename(self, new: str) -> bool:
        """False where the name is taken."""
        if self.name is not None and self.answers and not self.sessions.rename(self.name, new):
            return False
        if not self.answers and new in self.sessions.names():
            return False
        self.name = new
        return True

    def _count(self, answer: Answer) -> None:
        totals = self.totals
        totals.answers += 1
        totals.cached += answer.cache != "miss"
        totals.usage = Usage(
            prompt_tokens=totals.usage.prompt_tokens + answer.usage.prompt_tokens,
            completion_tokens=totals.usage.completion_tokens + answer.usage.completion_tokens,
            total_tokens=totals.usage.total_tokens + answer.usage.total_tokens,
            estimated=answer.usage.estimated,
        )
