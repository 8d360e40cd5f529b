"""Words that are as good as each other, and the terms of a text that say something."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from ragcli.answer.question import CHINESE_FUNCTION, FUNCTION_WORDS
from ragcli.text.analyze import terms

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
    """The terms of a text that say something, without what only serves grammar."""
    return frozenset(term for term in terms(text) if says_something(term))


@lru_cache(maxsize=1 << 15)
def says_something(term: str) -> bool:
    """Whether a term is more than grammar."""
    if "\u2e80" <= term[0] <= "\u9fff":
        return not all(character in CHINESE_FUNCTION for character in term)
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
