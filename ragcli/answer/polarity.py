"""Yes or no: whether a clause denies what it speaks of, and whether two clauses say opposite things.

A clause is read by counting: each word of negation turns its sense round, and so does a word whose opposite stands in
the other clause ("did not increase" agrees with "decreased"). Set phrases that hold a negation and deny nothing
("not only", "不超过") are taken out first.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ragcli.text.analyze import fold, terms

REMEMBERED = 1 << 10
"""Texts of which it is remembered what they deny: each clause of a passage meets each of the claims."""

_DENIES_NOTHING = re.compile(
    r"could(?: not|n['’]t) (?:have been|be) (?:more )?\w+|"
    r"not only|not just|without charge|at no (?:extra )?(?:cost|charge)|free of charge|no charge|no (?:more|less"
    r"|fewer|later|earlier|sooner) than|not (?:to )?(?:exceed|later than|more "
    r"than|less than)|"
    r"(?:may|must|shall|should|can|does|do|will) ?not exceed|no matter|no longer than|not limited to|\bno\. ?(?=\d)|"
    r"whether or not|if not\b|no doubt|nothing but|"
    r"不但|不仅|不过(?!期)|不断|不同|不少(?!于)|不久|无论|不论|不管|非常|未来|无线|非洲|特别|差不多|不锈钢|不动产"
    r"|无人机|无障碍|不得不|"
    r"(?:不得?|不能|不应|不可|不会)?(?:不)?(?:超过|少于|低于|高于|晚于|迟于|早于|多于|大于|小于|足(?=[\d一二三四五六七八九十百半]))|"
    r"不限于|不一定|毫不|无疑|不禁|不愧|不[满到](?=[\d一二三四五六七八九十百半])|不便|不错|不良|未婚|无机|无产|非正式|非营利|无形|无限|无名|别墅"
    r"|别人|分别|级别|区别|性别|类别|识别|个别|告别|"
    r"能不能|是不是|可不可以|有没有|会不会|免费|免除|避免|无忧|无锡|不丹|非法"
)
_DENIES = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|without|cannot|unable|non|except|excepting|excluding"
    r"|unless|hardly|"
    r"prohibit\w*|forbid\w*|forbade|ban|bans|banned|disallow\w*|exclude[sd]?|lack(?:s|ed|ing)?|missing|fail(?:s|ed)? "
    r"to|refus\w+|"
    r"den(?:y|ies|ied)|declin(?:e|es|ed) to|impossible|unavailable|unsupported|invalid|ineligible|unauthori[sz]ed"
    r"|unpaid|"
    r"untaxed|unlimited|nonrefundable|illegal|unlawful|unnecessary|unsafe|inactive|incompatible|incomplete"
    r"|insufficient|"
    r"unknown|unlike|rather than|instead of|unable|discontinu\w+|(?:remov\w+|drop\w*|end\w*) support|void|waive[sd]?"
    r"|cancel\w*|suspend\w*"
    r"|exempt(?:ed)?)\b|n['’]t\b|"
    r"不|没|未|无|(?<!不)禁(?!忌|令)|勿|(?<![\u4e00-\u9fff除若])非(?=\w)|并非|而非|除外|除非|拒绝|杜绝|谢绝|缺乏|缺少"
    r"|豁免|停(?:运|用|售|业|办|产|播)|取消|(?<=除)[^，。]{1,12}(?:以?外)|切莫",
)
_BEFORE_ITS_WORD = re.compile(r"not|no|never|none|without|cannot|n['’]t|neither|nor|unable|[不没未无勿]|并非|而非|切莫")
_ELSE = re.compile(r"[^.。;；]{0,40}(?:\botherwise\b|\bor else\b|否则|不然)")
"""What must not be done lest something happens is told of as done, where it is told what happens then."""
_SCOPE = re.compile(r"(?:\s*[a-z0-9'’-]+){1,4}|[\u3400-\u9fff]{1,5}")
_SCOPE_BEFORE = re.compile(r"(?:[a-z0-9'’-]+\s*){1,4}\Z|[\u3400-\u9fff]{1,5}\Z")
_LIMIT = re.compile(r"\b(?:only|just|solely|exclusively)\b|只有|仅|只(?![\u4e00-\u9fff]?[\d])")

_ACTIONS = """
increas- rise rises rose risen grow grows grew grown climb- higher gain- went-up / \
decreas- fall falls fell fallen drop- shrink- shrank declin- lower- reduc- went-down
accept- approv- agree- / reject-
win wins won / lose loses lost
buy buys bought purchas- / sell sells sold
start starts started begin begins began open opens opened / end ends ended close closes closed finish- shut shuts
enabl- turn-on turned-on switch-on / disabl- turn-off turned-off switch-off
add adds added / remov- delet-
support- / oppos- against
survive- / die- dead kill- perish-
arriv- / depart-
remember- / forget- forgot
find finds found / lose loses lost
keep keeps kept / discard- throw-away threw-away
fill- / empty empties emptied
lock- / unlock-
promot- / demot- dismiss-
build builds built / demolish- destroy-
存活 生还 幸存 / 死亡 遇难 丧生
找到 / 丢失 遗失
到达 / 出发
进入 / 离开
锁定 / 解锁
上架 / 下架
入职 / 离职
晋升 升任 升职 / 降职 免职
录取 / 淘汰
当选 / 落选
增加 增长 上升 提高 升高 上涨 上调 扩大 增多 增至 / 减少 下降 降低 下滑 下跌 下调 缩小 减至 降至
开启 打开 启用 开放 / 关闭 停用
成功 / 失败
支持 赞成 同意 / 反对
接受 批准 通过 / 驳回 否决
加入 增设 新增 / 退出 取消 撤销 删除
战胜 击败 / 败给 输给 不敌
"""
_QUALITIES = """
more / less fewer
before prior-to / after following
minimum at-least no-less-than / maximum at-most up-to no-more-than
highest most / lowest least
largest biggest / smallest
longest / shortest
above / below
free-of-charge for-free free / charged paid pay pays payable fee fees
first / last
earli- / later latest
north northern / south southern
east eastern / west western
left / right
correct / wrong
domestic / foreign
male / female
internal indoor indoors inside / external outdoor outdoors outside
optional voluntary / mandatory required compulsory obligatory
weekday weekdays / weekend weekends
public / private confidential
same / different
import imports imported / export exports exported
profit profits / loss losses
hot / cold
always / rarely sometimes
morning / afternoon evening
safe / dangerous
cheaper / dearer more-expensive
stronger / weaker
faster / slower
online remote remotely / offline in-person on-site
full-time / part-time
之前 以前 前完成 事前 提前 / 之后 以后 事后 推迟 延后
最高 / 最低
最大 / 最小
最多 至多 上限 以内 / 最少 至少 下限 以上
免费 免收 免票 / 收费 付费 缴费 买票 购票 收取 支付
内部 室内 / 外部 室外 户外 对外
上午 早上 / 下午 晚上
高于 多于 大于 超过 / 低于 少于 小于 不足
早于 / 晚于 迟于
进口 / 出口
盈利 / 亏损
强制 必须 必需 / 自愿 可选 随意
线上 在线 远程 / 线下 现场 到场
工作日 / 周末 节假日
公开 / 保密 机密
国内 / 国外 海外 境外
男性 男子 / 女性 女子
左侧 左边 / 右侧 右边
长期 / 短期
首次 首个 第一 / 最后
北部 北方 以北 / 南部 南方 以南
东部 东方 以东 / 西部 西方 以西
永久 / 临时 暂时
全部 所有 一律 / 部分 个别 少数
大型 / 小型
纸质 / 电子
全职 / 兼职
税前 / 税后
"""
"""One pair a line; `-` at the end of a word: however it goes on, within: a space."""

_UNIVERSAL = re.compile(
    r"\b(?:all|every|everyone|everybody|always|never|entirely|exclusively|none|whenever|certainly|any time|no one"
    r"|prove[sdn]?)\b"
    r"|所有|全部|一律|总是|始终|必定|必然|从不|从未|从来|任何|人人|每个人|完全|证实|证明|均须"
    r"|都(?:必须|要|须|得)|只(?=[\u4e00-\u9fff])",
    re.IGNORECASE,
)
_PARTIAL = re.compile(
    r"\b(?:some|most|many|several|certain|few|sometimes|often|usually|typically|generally|mainly|mostly|primarily|largely"
    r"|occasionally|may|might|could|can|possibly|probably|likely|suggests?|partly|partially|common|up to|except|unless"
    r"|only|once|if|when)\b"
    r"|部分|有些|有的|某些|一些|大多|多数|许多|不少|偶尔|有时|通常|一般|往往|主要|可能|或许|也许|可以|为主|左右|除外|除非|只有|未经|认为|推测|超过",
    re.IGNORECASE,
)


_CONDITION = re.compile(
    r"\b(?:only (?:if|when|with|after|by|for|on|to)|unless)\b([^.;]*)|(?:只有|仅限|除非)([^，。；]*)"
)


def _side(words: str) -> re.Pattern[str]:
    alternatives = []
    for word in words.split():
        text = word.rstrip("-").replace("-", "[ -]")
        alternatives.append(text if not text.isascii() else rf"\b{text}" + (r"\w*" if word.endswith("-") else r"\b"))
    return re.compile("|".join(alternatives))


def _read(table: str) -> tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]:
    lines = table.strip().splitlines()
    return tuple((_side(one), _side(other)) for one, other in (line.split(" / ") for line in lines))


_OPPOSITE_ACTIONS = _read(_ACTIONS)
_OPPOSITES = _OPPOSITE_ACTIONS + _read(_QUALITIES)


@lru_cache(maxsize=REMEMBERED)
def denials(clause: str) -> int:
    """How many words of negation a clause holds."""
    folded = _DENIES_NOTHING.sub(" ", fold(clause))
    return sum(_ELSE.match(folded, match.end()) is None for match in _DENIES.finditer(folded))


@lru_cache(maxsize=REMEMBERED)
def negated(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """The terms of a text that words of negation stand by, and all others."""
    folded = _DENIES_NOTHING.sub(" ", fold(text))
    denied: set[str] = set()
    rest = ""
    end = 0
    for match in _DENIES.finditer(folded):
        if _ELSE.match(folded, match.end()):
            continue
        after = _SCOPE.match(folded, match.end())
        stop = after.end() if after else match.end()
        if after:
            denied.update(terms(after.group()))
        if not _BEFORE_ITS_WORD.fullmatch(match.group()) and (before := _SCOPE_BEFORE.search(folded[: match.start()])):
            denied.update(terms(before.group()))
        rest += folded[end : match.start()] + " "
        end = max(stop, end)
    rest += folded[end:]
    return frozenset(denied), frozenset(terms(rest))


def disagree(claim: str, passage: str) -> bool:
    """Whether one of two clauses that speak of the same thing denies what the other says."""
    return (denials(claim) + denials(passage) + opposites(claim, passage)) % 2 == 1


def without_sense(text: str) -> str:
    """The folded text without its words of negation and without verbs that have an opposite: what it speaks of."""
    text = _DENIES.sub(" ", fold(text))
    for pair in _OPPOSITE_ACTIONS:
        for side in pair:
            text = side.sub(" ", text)
    return text


def opposites(claim: str, passage: str) -> int:
    """How many words of the claim stand in the passage only as their opposites."""
    mine, theirs = _senses(claim), _senses(passage)
    return sum(
        (pair, not side) in theirs and (pair, not side) not in mine and (pair, side) not in theirs
        for pair, side in mine
    )


@lru_cache(maxsize=REMEMBERED)
def _senses(text: str) -> frozenset[tuple[int, bool]]:
    """The sides of the pairs of opposites that stand in the text: (number of the pair, whether it is the second)."""
    folded = fold(text)
    return frozenset(
        (number, second)
        for number, pair in enumerate(_OPPOSITES)
        for second, side in zip((False, True), pair, strict=True)
        if (side.pattern.isascii() or not folded.isascii()) and side.search(folded)
    )


def overstates(claim: str, passage: str) -> bool:
    """Whether the claim says of all, always or for certain what the passage says of some, often, perhaps or only if."""
    condition = _CONDITION.search(fold(passage))
    if condition and not re.search(r"\b(?:only|unless|without|if|must|not?)\b|只|仅|除|须|不|必", fold(claim)):
        told = terms(condition[1] or condition[2] or "")
        if told and not set(told) & set(terms(claim)):
            return True
    strong = {match.group() for match in _UNIVERSAL.finditer(fold(claim))}
    return bool(strong) and not _UNIVERSAL.search(fold(passage)) and _PARTIAL.search(fold(passage)) is not None
