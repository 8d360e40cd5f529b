"""A follow-up made to stand alone, so that it can be searched for: by the model where there is one, else by rule.

Only questions that need it are touched: those that speak of something by a pronoun ("How long does it take?",
"它多少钱？") and fragments ("And in winter?", "周末呢？").
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TypeAlias

from ragcli.errors import EndpointError
from ragcli.ports import ChatModel
from ragcli.text.analyze import terms
from ragcli.types import Delta, Message, Prompt, Turn

Rewriter: TypeAlias = Callable[[str, Sequence[Turn]], Awaitable[str]]
"""(question, history) -> the question as it stands alone."""

LONGEST = 400
"""Characters of a rewritten question; a model that says more has not rewritten but answered."""
TURNS_TOLD = 4
ANSWER_TOLD = 400
"""Characters of each former answer that the model is told."""
INSTRUCTIONS = (
    "Rewrite the user's last question so that it can be understood without the conversation: put in what pronouns and "
    "omissions stand for. Change nothing else, keep its language, do not answer it. Reply with the question alone."
)

_PRONOUN = re.compile(
    r"\b(?:it|its|itself|they|them|their|theirs|he|him|his|she|her|hers|this|these|those|"
    r"that(?=\s*(?:[?.!,]|$|one\b|case\b|time\b|policy\b|product\b|plan\b|is\b|was\b|does\b|mean\b|work\b|cost\b))|"
    r"(?<=about )that|(?<=of )that|(?<=after )that|(?<=is )that|(?<=does )that|"
    r"there(?!\s+(?:is|are|was|were|be|any|a|an)\b)(?<!is there)(?<!are there)(?<!was there)(?<!were there)|"
    r"the (?:former|latter|same|other one|first one|second one|last one))\b",
    re.IGNORECASE,
)
_EXPLETIVE = re.compile(
    r"\b(?:is|was|would|will|does|can|could)\s+it\s+(?:be\s+|take\s+)?(?:\w+ly\s+)?"
    r"(?:possible|allowed|permitted|necessary|required|ok|okay|safe|legal|true|better|worth|important|mandatory"
    r"|forbidden|rain|snow)\b|"
    r"\bwhat time is it\b|\bthis (?:year|month|week|morning|evening|company|handbook|folder|collection|document"
    r"|product)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r",|;|:|\b(?:and|or|but|if|when|while|because|after|before|so|since|once|until|although|that|who|which)\b",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"\b(?:the|a|an|my|our|your|each|every|all|any)\s+\w{3,}|(?<=[\w,] )[A-Z][\w-]+|\b\w{4,}s\b", re.IGNORECASE
)
_FRAGMENT = re.compile(
    r"\W*(?:(?:and|or|but|so|also|then)\b(?!\s+(?:is|are|was|were|do|does|did|can|will|what|how|when|where|who|why"
    r"|which)\s+\w+\s+\w+\s+\w+)|"
    r"(?:what|how) about\b|(?:why|how|when|where|who|which|what|since when|how "
    r"(?:much|many|long|often|far|so|come)|why not|"
    r"which one|what else|anything else|who else|where else|really|more|and|go on|tell me more|explain|for "
    r"example|such as)\W*$)",
    re.IGNORECASE,
)
_ZH_PRONOUN = re.compile(
    r"[它他她牠]们?(?!人)|(?<![尤极与何])其(?![他它余中实次])|(?<![应不本])该(?=[\u4e00-\u9fff]{1,3}(?:的|是|在|有|何"
    r"|由|能|可|会|多|什|怎|几|何))|"
    r"(?<![因如彼从对])此(?![外后前时次])|这(?![里儿样]?(?:份文档|个文件夹|家公司|本手册))"
    r"|(?<!剎刹)那(?![么里]?[^\u4e00-\u9fff]*[a-zA-Z])|上述|前者|后者"
    r"|上面|刚才|同样"
)
_ZH_FRAGMENT = re.compile(
    r"\W*(?:那么?|还有|另外|然后|而且|以及|或者|但是?|所以|如果|要是)?[^，,。]{0,12}呢\W*$|\W*(?:那么|还有(?!什么\S)"
    r"|另外|然后)|"
    r"\W*(?:为什么|怎么办|怎么|多少钱?|多久|几[个天年次]|什么时候|在?哪里|谁|哪个|哪些|什么|具体呢?|详细一?点|继续"
    r"|举例说明|例如|比如|还有吗|还有什么|真的吗?|可以吗|是吗"
    r"|对吗)[呢吗么啊]?\W*$"
)
_HAN = re.compile(r"[\u3400-\u9fff]")
_ASKING = re.compile(
    r"\b(?:what|which|who|whom|whose|when|where|why|how|do|does|did|is|are|was|were|can|could|will|would|should"
    r"|may|much|many|"
    r"i|we|you|my|our|your|me|us|please|tell|about|have|has|had|get|long|it|its|they|them|their|he|she|him|his|her"
    r"|this|that|these|those)\b",
    re.IGNORECASE,
)
_ZH_ASKING = re.compile(
    r"请问|什么时候|什么|多少|为什么|怎么样|怎么|如何|哪一年|哪一|哪些|哪个|哪里|哪|谁|几|多久|是否|吗|呢|么|它们"
    r"|他们|她们|[它他她牠]|这个|那个|[，。？！?!]"
)


def needs_rewriting(question: str) -> bool:
    """Whether the question leans on what was said before."""
    if _HAN.search(question):
        return bool(_ZH_FRAGMENT.match(question)) or _unresolved(
            question, _ZH_PRONOUN, r"[，,；;]", r"[\u3400-\u9fffA-Za-z0-9]{2,}"
        )
    return bool(_FRAGMENT.match(question)) or _unresolved(
        _EXPLETIVE.sub(" ", question), _PRONOUN, _CLAUSE.pattern, _NAMED.pattern
    )


def _unresolved(question: str, pronoun: re.Pattern[str], clause: str, named: str) -> bool:
    """Whether a pronoun stands in the question and no earlier clause of it names what it may stand for."""
    found = pronoun.search(question)
    if found is None:
        return False
    boundaries = list(re.finditer(clause, question[: found.start()], re.IGNORECASE))
    return not (boundaries and re.search(named, question[: boundaries[-1].start()]))


async def by_rule(question: str, history: Sequence[Turn]) -> str:
    """The question with the subject of the former one behind it in brackets; as it is where it stands alone."""
    if not history or not needs_rewriting(question):
        return question
    subject = _subject(history)
    known = set(terms(question))
    if not subject or set(terms(subject)) <= known:
        return question
    opening, closing = ("（", "）") if _HAN.search(question) else (" (", ")")
    return f"{question.strip()}{opening}{subject}{closing}"


def _subject(history: Sequence[Turn]) -> str:
    """What the latest question that stands alone is about: its words without those that only ask."""
    standing = next(
        (turn.question for turn in reversed(history) if not needs_rewriting(turn.question)), history[0].question
    )
    asking = _ZH_ASKING if _HAN.search(standing) else _ASKING
    return " ".join(asking.sub(" ", standing).replace("?", " ").split())[:LONGEST].strip(" ,.;:!")


def by_model(model: ChatModel) -> Rewriter:
    """A rewriter that asks the model, and falls back on the rule where the model fails or says something odd."""

    async def rewrite(question: str, history: Sequence[Turn]) -> str:
        if not history or not needs_rewriting(question):
            return question
        try:
            said = await _said(model, question, history)
        except EndpointError:
            said = ""
        line = said.strip().strip("\"“”'「」").strip()
        if not line or "\n" in line or len(line) > LONGEST:
            return await by_rule(question, history)
        return line

    return rewrite


async def _said(model: ChatModel, question: str, history: Sequence[Turn]) -> str:
    told = "\n".join(f"User: {turn.question}\nAssistant: {turn.answer[:ANSWER_TOLD]}" for turn in history[-TURNS_TOLD:])
    messages = (
        Message("system", INSTRUCTIONS),
        Message("user", f"Conversation:\n{told}\n\nLast question: {question}"),
    )
    prompt = Prompt(question=question, sources=(), messages=messages, max_tokens=LONGEST)
    pieces: list[str] = []
    async with aclosing(model.stream(prompt)) as stream:
        async for item in stream:
            if isinstance(item, Delta):
                pieces.append(item.text)
    return "".join(pieces)
