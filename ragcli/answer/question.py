"""What a question asks for: the terms that count, and the kind of thing that would answer it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

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
    r"什么时候|什么时间|什么地方|什么样|怎么样|为什么|为何|有什么|是什么|什么|哪一个|哪一些|哪一年|哪一|哪些|哪个|哪里|哪儿|哪家|哪位|哪|"
    r"多少|几个|几次|几年|几|谁|怎么|怎样|如何|何时|何地|何处|何|是否|能否|可否|有没有|请问|吗|呢|么"
)
_CHINESE_FUNCTION = frozenset(
    "的 了 是 在 和 与 及 或 有 被 把 对 为 以 由 从 到 于 中 上 下 里 内 这 那 其 它 他 她 个 之 而 也 都 就 会 要 能 可 我 你".split()
)

_ASKING = re.compile(
    rf"{_CHINESE_ASKING.pattern}|\\b(?:what|which|who|whom|whose|when|where|why|how(?: many| much| long| far| old| often)?)\\b"
)
_DEFINED = re.compile(
    r"(?:what|who) (?:is|are|was|were) (?:the |an? )?((?:[\w'-]+ ?){1,4})\??|什么是([^，。]{2,12})[？?]?|([^，。的]{2,12})(?:是什么|是谁|指什么|指的是什么|是什么意思)[？?]?"
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
_NAME = re.compile(r"(?<=[a-z,;'’”)\d] )[A-Z][\w'’-]+|[·・]|[A-Z][a-z]+ [A-Z][a-z]+")
_PLACE = re.compile(
    r"\b(?:in|at|near|to|from|of|on|through|across|outside|around)\s+(?:the\s+)?[A-Z]|[省市县区州国镇村乡岛街路山江河湖海洋]|位于|地带|地区"
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


@dataclass(frozen=True, slots=True)
class Asked:
    """`terms` with their worth (1: a word that counts); `kinds` are tests of which the answer should pass one or more."""

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
        """0..1: whether the sentence holds something of the kind that is asked for and that the question does not hold."""
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
            r"\bwhen\b|\bwhat (?:\w+ )?(?:year|date|day|month|time|century|decade|period)|\bwhich "
            r"(?:year|century|decade|month|day)|"
            r"什么时候|何时|什么时间|哪一?年|哪一?[月天日]|几[年月日号点]|年份|日期|时期|世纪|朝代|多久",
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
            r"什么[剧书歌片作]|[哪些什么](?:部|本|首|作品|电影|专辑|小说|节目)|what (?:\w+ )?(?:book|song|film|movie|term|word|phrase|title)",
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
        return FUNCTION * CHARACTER if term in _CHINESE_FUNCTION else CHARACTER
    return FUNCTION if term in FUNCTION_WORDS else 1.0


_SAME = tuple(
    frozenset(group.split())
    for group in (
        "may can allow permit let entitl elig",
        "must requir need oblig mandatori have",
        "return refund reimburs",
        "buy purchas order bought",
        "item product good",
        "staff employe worker personnel",
        "custom client consum user buyer",
        "cost price charg fee pay paid",
        "begin start commenc launch began open",
        "end finish stop expir termin close",
        "firm compani busi corpor",
        "car vehicl automobil",
        "big larg great huge major",
        "small littl minor",
        "creat make made produc build built develop construct",
        "found establish set start creat launch",
        "use util employ",
        "show display present",
        "help assist support aid",
        "send sent deliv ship dispatch mail",
        "get receiv obtain gain acquir",
        "give provid offer suppli grant",
        "say state tell claim report",
        "locat situat place lie sit",
        "annual year yearli",
        "month monthli",
        "week weekli",
        "day daili",
        "child children kid",
        "die death dead kill",
        "born birth",
        "film movi",
        "error fault mistak bug",
        "chang modifi alter updat",
        "remov delet eras",
        "keep retain store held hold",
        "inform notifi tell contact",
        "approv authoris author sign",
        "limit maximum cap most max",
        "time durat last take",
        "increas rise rose grow grew higher",
        "decreas fall fell drop declin lower reduc",
        "near close approxim about",
        "whole entir all complet full",
        "replac exchang swap substitut",
        "repair fix servic mend",
        "doctor physician",
        "money fund cash",
        "hous home live resid",
        "job work posit role",
        "leav vacat holiday absenc",
        "purpos aim goal",
        "win won victori",
        "lead led head run manag",
        "name call known term refer",
        "import signific",
        "peopl person popul inhabit",
        "countri nation state",
        "citi town",
        "write wrote written author",
        "war conflict battl",
        "problem issu",
        "caus reason result due",
        "part compon element",
        "twice two doubl",
        "half fifti",
        "又叫 又称 亦称 别名 也称 俗称 别称 旧称 也叫 称为 叫做 称作 俗名 又名 原名 名为",
        "去世 逝世 卒于 病逝 死于 身亡 病死 死亡 怎么死 死的 之死 遇难 卒 死",
        "出生 生于 诞生 出世",
        "食物 为食 主食 猎食 觅食 捕食 主要吃 吃 食 食性 要吃",
        "栖息 生活 居住 分布 生存 地带 见于",
        "创立 成立 创办 创建 建立 设立 组建 创始 始建 兴建 建造 建成 修建 落成",
        "位于 坐落 地处 座落 处于",
        "职业 担任 从事 球员 演员 职务 职位",
        "作者 编著 撰写 所著 编 著 写 著作 编写 所作",
        "上映 首播 播出 开播 公映 播放",
        "开通 通车 投入 启用 使用 运营 开业 开放 运行 开始",
        "全长 长度 总长 长约 体长",
        "面积 占地 平方",
        "人口 居民 人数",
        "获得 荣获 赢得 夺得 取得 获奖 得到",
        "毕业 就读 学习 考入 入读",
        "原因 因为 由于 因此 因而 为何",
        "开发 研发 制作 推出 发行 出品 发售 出版",
        "主角 主人 男主 女主",
        "设计 建筑师 筑师",
        "特点 特征 特色 特性 习性",
        "参加 参与 加入 出演 主演 参演 饰演",
        "费用 价格 收费 多少钱 价钱 售价",
        "任命 担任 就任 出任 接任 升任 受封 封为",
        "改名 更名 改称 改为",
        "属于 隶属 所属",
    )
)


def content_terms(text: str) -> frozenset[str]:
    """The terms of a text that say something; Chinese characters that only serve grammar and their pairs are left out."""
    return frozenset(term for term in terms(text) if _says_something(term))


def _says_something(term: str) -> bool:
    if "\u2e80" <= term[0] <= "\u9fff":
        return not all(character in _CHINESE_FUNCTION for character in term)
    return term not in FUNCTION_WORDS and not (len(term) == 1 and term.isalpha())


class Known:
    """Terms that are at hand, and what is as good as one of them."""

    __slots__ = ("_beginnings", "_groups", "terms")

    def __init__(self, terms: Iterable[str]) -> None:
        self.terms = frozenset(terms)
        self._beginnings = frozenset(term[:LIKE] for term in self.terms if len(term) >= LIKE and term.isalpha())
        self._groups = frozenset(number for term in self.terms for number in _GROUPS.get(term, ()))

    def akin(self, term: str) -> bool:
        """Whether the term is known, or one that means the same, or another form of the word."""
        if term in self.terms:
            return True
        if not self._groups.isdisjoint(_GROUPS.get(term, ())):
            return True
        return len(term) >= LIKE and term.isascii() and term.isalpha() and term[:LIKE] in self._beginnings


LIKE = 5
"""Words that share so many letters at their beginning are taken for forms of one word."""
_GROUPS: dict[str, list[int]] = {}
for _number, _group in enumerate(_SAME):
    for _word in _group:
        _GROUPS.setdefault(_word, []).append(_number)
