"""What a question asks for: the terms that count, and the kind of thing that would answer it."""

from __future__ import annotations

import re

from msgspec import Struct

from ragcli.text.analyze import fold, terms

FUNCTION_WORDS = frozenset(
    "what which who whom whose when where why how do does did done has have had having can could would should "
    "shall may "
    "might must i me my we us our you your he him his she her its them am were been being from about any some than "
    "more "
    "most much many also so get got tell give show find please after before during between because all other same kind "
    "type name call refer consid use".split()
)
"""Words (stems) of a question that say little of what it is about."""

_CHINESE_ASKING = re.compile(
    r"什么时候|什么时间|什么地方|什么样|怎么样|为什么|为何|有什么|是什么|什么|哪一个|哪一些|哪一年|哪一|哪些|哪个"
    r"|哪里|哪儿|哪家|哪位|哪|"
    r"多少|几个|几次|几年|几|谁|怎么|怎样|如何|何时|何地|何处|何|是否|能否|可否|有没有|请问|吗|呢|么"
)
CHINESE_FUNCTION = frozenset(
    (
        "的 了 是 在 和 与 及 或 有 被 把 对 为 以 由 从 到 于 中 上 下 里 内 这 那 其 它 他 她 个 之 而 也 都 就 "
        "会 要 能 可 我 你"
    ).split()
)

_ASKING = re.compile(
    rf"{_CHINESE_ASKING.pattern}|\\b(?:what|which|who|whom|whose|when|where|why|how(?: many| much| long| far| old"
    rf"| often)?)\\b"
)
_DEFINED = re.compile(
    r"(?:what|who) (?:is|are|was|were) (?:the |an? )?((?:[\w'-]+ ?){1,4})\??|什么是([^，。]{2,12})[？?]?"
    r"|([^，。的]{2,12})(?:是什么|是谁|指什么|指的是什么|是什么意思)[？?]?"
)

NEARNESS = 0.8
"""What a term is worth against the one beside it that stands closer to the word that asks."""
PAIR = 1.0
CHARACTER = 0.3
"""Worth of a single character of Chinese, where a word or a pair is worth 1."""
FUNCTION = 0.15
"""Worth of a function word."""

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATE = re.compile(
    rf"\b1\d{{3}}\b|\b20\d\d\b|\b{_MONTH}\b|\bcentur|\b\d+(?:st|nd|rd|th)\b|\d+\s*(?:am|pm)\b|\d:\d\d|"
    r"[\d一二三四五六七八九十元]+(?:世纪|年|月|日|号|点|时)|周[一二三四五六日末]|星期|朝|时期|年间|"
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\d|[一二三四五六七八九十百千万亿两半][^\s，。、]|"
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred|thousand|"
    r"million|billion|half|third|quarter|twice|once|several|percent)\b|%",
    re.IGNORECASE,
)
_DURATION = re.compile(
    r"(?:\d|\b(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|several|few|half))[ -]+"
    r"(?:second|minute|hour|day|working day|business day|week|month|year|decade)s?\b"
    r"|\b(?:daily|weekly|monthly|yearly|annually|once|twice|every)\b"
    r"|[\d一二三四五六七八九十百两半][个多]?(?:秒|分钟|小时|天|日|周|星期|个月|月|年|工作日)",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<=[a-z,;'’”)\d] )[A-Z][\w'’-]+|[·・]|[A-Z][a-z]+ [A-Z][a-z]+")
_PLACE = re.compile(
    r"\b(?:in|at|near|to|from|of|on|through|across|outside|around)\s+(?:the\s+)?[A-Z]"
    r"|[省市县区州国镇村乡岛街路山江河湖海洋]|位于|地带|地区"
)
_REASON = re.compile(
    r"\b(?:because|due to|since|so that|in order|caus|reason|as a result|therefore|result|led to|to "
    r"avoid|thus|lack of)|"
    r"因|由于|所以|故|导致|致使|使得|为了|以便|以免",
    re.IGNORECASE,
)
_MANNER = re.compile(r"\b(?:by|through|using|via|with)\b|通过|以|用|经由|透过|采用", re.IGNORECASE)
_TITLED = re.compile(r"《[^》]+》|“[^”]+”|「[^」]+」|\"[^\"]+\"")
_LIST = re.compile(r"、|, (?:\w+ )*and |包括|分别|等|such as|including", re.IGNORECASE)


class Asked(Struct, frozen=True):
    """`terms` with their worth (1: a word that counts); `kinds` are tests of which the answer should pass some."""

    text: str
    terms: dict[str, float]
    near: dict[str, float]
    kinds: tuple[re.Pattern[str], ...]
    definition: re.Pattern[str] | None = None

    @property
    def unspaced(self) -> bool:
        """Whether the question is in Chinese, or another language that is matched by characters and pairs."""
        return any(_is_unspaced(term) for term in self.terms)

    def kind_in(self, sentence: str) -> float:
        """0..1: whether the sentence holds something of the kind that is asked for, which is not in the question."""
        if not self.kinds:
            return 0.0
        return sum(self._holds(kind, sentence) for kind in self.kinds) / len(self.kinds)

    def _holds(self, kind: re.Pattern[str], sentence: str) -> bool:
        return any(match.group() not in self.text for match in kind.finditer(sentence))


_KINDS: tuple[tuple[re.Pattern[str], tuple[re.Pattern[str], ...]], ...] = (
    (
        re.compile(
            r"\bhow (?:many|much|long|old|far|large|big|high|often|fast|tall|deep|wide)\b|what (?:\w+ "
            r")?(?:percent|number|amount|fraction|size|price|cost|rate|population)|"
            r"多少|几[^乎]|多[长大高远久重深宽快]|第几|百分之|数量|人口",
            re.IGNORECASE,
        ),
        (_NUMBER,),
    ),
    (
        re.compile(
            r"\bhow (?:long|quickly|soon|often)\b|多久|多长时间|多少[天年周]|几[天年周]|几个[月小星]", re.IGNORECASE
        ),
        (_DURATION,),
    ),
    (
        re.compile(
            r"\bwhen\b|\bwhat (?:\w+ )?(?:year|date|day|month|time|century|decade|period)|\bwhich "
            r"(?:year|century|decade|month|day)|"
            r"什么时候|何时|什么时间|哪一?年|哪一?[月天日]|几[年月日号点]|年份|日期|时期|世纪|朝代",
            re.IGNORECASE,
        ),
        (_DATE,),
    ),
    (
        re.compile(
            r"\bwho(?:m|se)?\b|\bwhat (?:person|people|man|woman|king|author)|谁|哪位|哪[个些]?人|什么人|何人|名字",
            re.IGNORECASE,
        ),
        (_NAME,),
    ),
    (
        re.compile(
            r"\bwhere\b|\b(?:what|which) (?:\w+ )?(?:city|country|place|state|region|river|area|town|location"
            r"|continent)|"
            r"哪里|哪儿|何处|何地|什么地方|哪[个些一]?[国省市县区州地城]|什么地|位于|地点|在哪",
            re.IGNORECASE,
        ),
        (_PLACE,),
    ),
    (
        re.compile(
            r"\bwhy\b|\bwhat (?:\w+ )?(?:caus|reason|led)|为什么|为何|什么原因|原因|何故|因何|因什么", re.IGNORECASE
        ),
        (_REASON,),
    ),
    (re.compile(r"\bhow (?:do|does|did|can|is|are|was|were)\b|怎么|怎样|如何|什么方[式法]", re.IGNORECASE), (_MANNER,)),
    (
        re.compile(
            r"什么[剧书歌片作]|[哪些什么](?:部|本|首|作品|电影|专辑|小说|节目)|what (?:\w+ )?(?:book|song|film|movie"
            r"|term|word|phrase|title)",
            re.IGNORECASE,
        ),
        (_TITLED,),
    ),
    (re.compile(r"哪些|哪几|有哪|what (?:are|were) the\b", re.IGNORECASE), (_LIST,)),
)


def asked(question: str) -> Asked:
    """What the question asks for."""
    folded = fold(question)
    found: dict[str, float] = {}
    near: dict[str, float] = {}
    here = _ASKING.search(folded)
    position = 0
    for part in _ASKING.split(folded):
        start = folded.index(part, position)
        position = start + len(part)
        held = terms(part)
        for i, term in enumerate(held):
            worth = _worth(term)
            found[term] = max(found.get(term, 0.0), worth)
            distance = len(held) - i if here and position <= here.start() else i + 1
            near[term] = max(near.get(term, 0.0), worth * NEARNESS ** (distance - 1))
    kinds = tuple(kind for cue, tests in _KINDS if cue.search(question) for kind in tests)
    return Asked(question, found, near, kinds, _definition(folded))


def _definition(question: str) -> re.Pattern[str] | None:
    """`What is X?` is answered where X is said to be something."""
    subject = _DEFINED.fullmatch(question.strip())
    if subject is None:
        return None
    name = re.escape((subject[1] or subject[2] or subject[3]).strip())
    return re.compile(
        rf"{name}\W*(?:\([^)]*\)|（[^）]*）)?\W*(?:is|are|was|were|refers|means|是|指|即|为|，|又称)", re.IGNORECASE
    )


def _is_unspaced(term: str) -> bool:
    return "\u2e80" <= term[0] <= "\u9fff" or "\uac00" <= term[0] <= "\ud7af"


def _worth(term: str) -> float:
    if _is_unspaced(term):
        if len(term) > 1:
            return PAIR
        return FUNCTION * CHARACTER if term in CHINESE_FUNCTION else CHARACTER
    return FUNCTION if term in FUNCTION_WORDS else 1.0
