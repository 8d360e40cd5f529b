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
    r"there(?!['’]s\b)(?!\s+(?:is|are|was|were|be|any|a|an)\b)(?<!is there)(?<!are there)(?<!was there)(?<!were there)|"
    r"the same(?=\s*(?:[?.!,]|$|for\b|in\b|with\b|on\b|during\b|thing\b|one\b|case\b))|"
    r"the (?:former|latter|other one|first one|second one|last one))\b",
    re.IGNORECASE,
)
_EXPLETIVE = re.compile(
    r"\b(?:is|was|would|will|does|can|could)\s+it\s+(?:be\s+|take\s+)?(?:\w+ly\s+)?"
    r"(?:possible|allowed|permitted|necessary|required|ok|okay|safe|legal|true|better|worth|important|mandatory"
    r"|forbidden|rain|snow)\b|"
    r"\bwhat (?:time|day|date) is it\b|\b(?:is|was) it called\b|\b(?:does|did|would) it mean (?:when|if|to|that)\b|"
    r"\bthis (?:year|month|week|morning|evening|company|handbook|folder|collection|document"
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
_POSSESSIVE = re.compile(r"its|itself|their|theirs|his|her|hers", re.IGNORECASE)
_OWNER = re.compile(r"(?<=[\w,’'] )[A-Z][\w-]+|\b(?!does\b|this\b|was\b)[a-z]{3,}(?<!s)s\b")
_FRAGMENT = re.compile(
    r"\W*(?:(?:and|or|but|so|also|then)\b(?!\s+(?:is|are|was|were|do|does|did|can|will|what|how|when|where|who|why"
    r"|which)\s+\w+\s+\w+\s+\w+)|"
    r"(?:what|how) about\b|(?:why|how|when|where|who|which|what|since when|how "
    r"(?:much|many|long|often|far|so|come)|why not|"
    r"which one|what else|anything else|who else|where else|really|more|and|go on|tell me more|explain|for "
    r"example|such as)\W*$)",
    re.IGNORECASE,
)
_POINTS = r"(?:(?<![\w》])|(?<=[用于在对是把被给为从到的了和与跟问说看做买有办么候没不能会要可都也还再]))"
"""What does not follow upon a name: "冠军联赛这届" says of which one it is, and 马其顿 is one."""
_ZH_PRONOUN = re.compile(
    r"(?<![其吉维])[它他她牠]们?(?!人)|"
    rf"{_POINTS}(?:(?<![尤极与何])其(?![它他余中实次])|(?<![应不本])该(?=[\u4e00-\u9fff]{{1,3}}(?:的|是|在|有|何"
    r"|由|能|可|会|多|什|怎|几|何))|"
    r"(?<![因如彼从对])此(?![外后前时次])|这(?![里儿样]?(?:份文档|个文件夹|家公司|本手册))"
    r"|(?<!剎刹)那(?![么里]?[^\u4e00-\u9fff]*[a-zA-Z]))|上述|前者|后者"
    r"|上面|刚才|同样"
)
_ZH_FRAGMENT = re.compile(
    r"\W*(?:那么?|还有|另外|然后|而且|以及|或者|但是?|所以|如果|要是)?[^，,。]{0,12}呢\W*$|\W*(?:那么|还有(?!什么\S)"
    r"|另外|然后)|"
    r"\W*(?:为什么|怎么办|怎么|多少钱?|多久|几[个天年次]|什么时候|在?哪里|谁|哪个|哪些|什么|具体呢?|详细一?点|继续"
    r"|举例说明|例如|比如|还有吗|还有什么|真的吗?|可以吗|是吗"
    r"|对吗)[呢吗么啊]?\W*$"
)
_RELATION = (
    "price|cost|fee|reason|deadline|address|purpose|difference|result|limit|length|duration|penalty|exception|procedure"
    "|process|author|owner|phone number|opening hours|advantage|alternative|requirement|condition"
)
"""What nothing is by itself: the price of something."""
_BARE = re.compile(
    r"\W*(?:and\s+|or\s+)?(?:for|as|in|on|at|with|without|from|to|by|during|after|before|until|since|under|over|per)\s+"
    r"(?:(?:what|whom|which|how)\s*(?:(?!is\b|are\b|was\b|were\b|do\b|does\b|did\b|can\b)[\w'’-]+\s*){0,2}"
    r"|(?:(?!is\b|are\b|was\b|were\b|do\b|does\b|did\b|can\b|which\b|what\b|how\b)[\w'’-]+\s*){1,3})\?\W*$"
    r"|\W*(?:[\w'’-]+\s+){1,3}(?:too|as well|also)\?\W*$"
    r"|\W*(?:[\w'’-]+\s+){1,4}(?:more|less|fewer|another(?: one)?|others|again|instead)\?\W*$"
    rf"|\W*what(?:['’]s| is| are| was| were) the (?:{_RELATION})e?s?\W*$"
    r"|\W*(?:who|when|where|how|why|by whom)\s+"
    r"(?:is|are|was|were|can|could|should|must|may|will|do|does|did|has|have)\s+"
    r"(?:\w+ed|responsible|eligible|in charge|exempt|done|held|told|sent)\W*$",
    re.IGNORECASE,
)
"""No sentence, or one without what it speaks of: "For children too?", "By whom?", "What is the price?"."""
_ZH_VERB = (
    "解决|处理|修[复理改]?|申请|办理?|使?用|操作|设置|安装|取消|更[改换]|[购加]?[买购]|预[订定约]|联系|计?算|收费|弄|查[询看]?"
    "|开通|关闭|删除|换|补|领取?|报名|缴费?|交|罚|退|转让?|续[借费]?|延长|申诉|投诉|恢复|升级|下载|打开|开始|结束|生效|到期|批准"
    "|审批|负责|参加|提交"
)
_ZH_BARE = re.compile(
    r"\W*(?:那么?|请问|大概|一般)?(?:怎么|如何|怎样|在?哪[里儿]?|什么时候|几点|多久|找?谁|由谁|为什么|可以|能不能|能|可不可以"
    r"|要不要|需要|要|会|应该)(?:可以|能|要|才能|去|来|不能|不可以|不|给谁|由谁)?"
    rf"(?:{_ZH_VERB})(?:一下|一次|[了的呢吗么啊])*\W*$"
    r"|\W*(?:那么?|大概|一般)?(?:需要?|要|得|应该)[\u4e00-\u9fff]{0,2}(?:多久|多长|多少|几|什么|哪些)[\u4e00-\u9fff]{0,3}\W*$"
    r"|\W*(?:可以|能|能不能|可不可以|可否|能否)[\u4e00-\u9fff]{1,6}[吗么]?\W*$"
    r"|\W*[\u4e00-\u9fff]{0,4}(?:有没有|有什么|有哪些|有)(?:优惠|折扣|限制|例外|要求|条件|期限|上限|区别|变化|影响|风险|补贴"
    r"|好处|缺点)[吗呢]?\W*$"
    r"|\W*(?:如果|要是)?(?:逾期|超时|过期|超过|丢|忘|坏|不够|失败|迟到|弄丢|没用完|用完)了?(?:的话)?[，,]?会?"
    r"(?:怎么|怎样|如何)[\u4e00-\u9fff]{0,3}\W*$"
    r"|\W*(?:是(?!否|不是)|由|被|归)[\u4e00-\u9fff]{1,8}\W*$"
    r"|\W*(?:价格|费用|运费|时间|地点|地址|电话|期限|条件|流程|原因|结果|作者|负责人|联系方式)(?:大概|一般)?是?"
    r"(?:多少|多久|什么|在哪里?|怎么样|如何|谁)\W*$"
    r"|\W*[\u4e00-\u9fff]{1,6}也[\u4e00-\u9fff]{1,5}[吗么]?\W*$"
)
"""The same: 怎么解决？, 需要多长时间？, 学生有优惠吗？, 试用期也一样吗？"""
_HAN = re.compile(r"[\u3400-\u9fff]")
_ASKING = re.compile(
    r"\b(?:what|which|who|whom|whose|when|where|why|how|do|does|did|is|are|was|were|can|could|will|would|should"
    r"|may|much|many|"
    r"i|we|you|my|our|your|me|us|please|tell|about|have|has|had|get|long|it|its|they|them|their|he|she|him|his|her"
    r"|this|that|these|those)\b",
    re.IGNORECASE,
)
_ZH_ASKING = re.compile(
    r"请问|怎么办|什么时候|什么|多少|为什么|怎么样|怎么|如何|哪一年|哪一|哪些|哪个|哪里|哪|谁|几|多久|是否|吗|呢|么|它们"
    r"|他们|她们|[它他她牠]|这个|那个|[，。？！?!]"
)


def needs_rewriting(question: str) -> bool:
    """Whether the question leans on what was said before."""
    if _HAN.search(question):
        return bool(_ZH_FRAGMENT.match(question) or _ZH_BARE.match(question)) or _unresolved(
            question, _ZH_PRONOUN, r"[，,；;？?。]", r"[\u3400-\u9fffA-Za-z0-9]{2,}"
        )
    return bool(_FRAGMENT.match(question) or _BARE.match(question)) or _unresolved(
        _EXPLETIVE.sub(" ", question), _PRONOUN, _CLAUSE.pattern, _NAMED.pattern
    )


def _unresolved(question: str, pronoun: re.Pattern[str], clause: str, named: str) -> bool:
    """Whether a pronoun stands in the question and nothing before it says what it may stand for.

    An earlier clause may, and before "its" or "their" a name or a plural of the same clause, too.
    """
    found = pronoun.search(question)
    if found is None:
        return False
    before = question[: found.start()]
    if _POSSESSIVE.fullmatch(found.group()) and _OWNER.search(before):
        return False
    boundaries = list(re.finditer(clause, before, re.IGNORECASE))
    return not (boundaries and re.search(named, before[: boundaries[-1].start()]))


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
