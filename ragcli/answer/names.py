"""Names, as far as their looks tell: capitals in English; in Chinese quoted titles, letters, places, people."""

from __future__ import annotations

import re

from msgspec import Struct

from ragcli.answer.meaning import Known
from ragcli.answer.question import FUNCTION_WORDS
from ragcli.text.analyze import STOP_WORDS, fold, terms

STEM = 4
"""Letters of a country's name that at least are left of what is called after it."""

_CAPITAL = re.compile(r"(?<![\w'’.-])[A-Z][\w’'&.-]*\w|(?<![\w'’.-])[A-Z](?![\w'’])")
_CODE = re.compile(
    r"(?<![\w.])(?!\d[\d.,]*[A-Za-z]{1,3}(?![\w-]))(?=[\w.-]*\d)(?=[\w.-]*[A-Za-z])[A-Za-z0-9][\w.-]*\w|(?<![\d.])\d+(?:\.\d+){2,}",
    re.ASCII,
)
_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9+#.&-]*[A-Za-z0-9+#]")
_HAN = re.compile(r"[\u3400-\u9fff]")
_TITLED = re.compile(r"《([^》]{1,40})》")
_FOREIGN = re.compile(r"[\u4e00-\u9fff]{1,6}(?:[·・][\u4e00-\u9fff]{1,8})+")

_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱林何郭罗梁宋郑谢韩唐冯董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田姜"
    "范石姚谭廖邹熊"
    "陆郝孔崔康毛邱秦江史顾侯邵孟龙段钱汤尹黎易武乔贺赖龚庞樊殷施陶洪翟颜倪严牛温芦季俞章鲁葛伍韦申尤毕聂丛焦向柳邢路"
    "岳齐沿梅莫庄辛管祝左涂谷祁舒耿牟卜詹关苗凌费纪靳盛童欧甄项曲游阳裴席卫查屈鲍覃霍翁隋植甘景薄单包司柏宁柯阮桂"
    "闵欧阳上官司马诸葛"
)
_PERSON = re.compile(
    rf"(?<![\u4e00-\u9fff·])(?P<start>[{_SURNAMES}][\u4e00-\u9fff]{{1,2}}?)(?=(?:是|在|说|于|为|将|已|曾|则|和|与|、"
    rf"|，|负责|担任"
    rf"|提出|签|批准|发明|创立|创办|主持|认为|表示|审批|主管|经理|总监|先生|女士|教授|博士|主任|组长|部长|工程师|老师"
    rf"|同学|同事|接任|出任|加入|完成|领导|设计|撰写|编写|的|也|都|获|出生"
    rf"|毕业|任|当选|宣布|建议|汇报|通知|联系|处理))"
    rf"|(?:由|向|给|找|和|与|跟|、|经|被|叫做?|名叫|联系|任命|聘请|请|的是|是|为|者|人|长|师|员|监|理"
    rf"|任)(?P<after>[{_SURNAMES}][\u4e00-\u9fff]{{1,2}})(?=$|[，。、；！？,.;\s（(]|负责|担任|主持|审批|提出|批准|签"
    rf"|先生|女士|经理|主任|教授|总监"
    rf"|博士|和|与|的|在|于|来|进行|完成|创|发明|设计|领导|撰写|处理|编)"
    rf"|(?P<titled>[{_SURNAMES}][\u4e00-\u9fff]{{0,2}})(?=先生|女士|经理|总监|教授|博士|主任|部长|工程师|老师|院长"
    rf"|校长|总裁|董事长|医生|律师)"
)
_PLACES = (
    "北京 上海 天津 重庆 广州 深圳 杭州 南京 苏州 武汉 成都 西安 郑州 长沙 青岛 济南 沈阳 大连 哈尔滨 长春 福州 厦门 "
    "昆明 贵阳 南宁 海口 三亚 合肥 南昌 太原 "
    "石家庄 呼和浩特 兰州 西宁 银川 乌鲁木齐 拉萨 香港 澳门 台北 高雄 宁波 无锡 东莞 佛山 珠海 温州 河北 山西 辽宁 "
    "吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 "
    "广东 海南 四川 贵州 云南 陕西 甘肃 青海 台湾 内蒙古 广西 西藏 宁夏 新疆 美国 日本 韩国 朝鲜 英国 法国 德国 "
    "意大利 西班牙 葡萄牙 俄罗斯 苏联 印度 巴西 加拿大 澳大利亚 新西兰 "
    "荷兰 比利时 瑞士 瑞典 挪威 丹麦 芬兰 波兰 奥地利 希腊 土耳其 埃及 南非 墨西哥 阿根廷 越南 泰国 新加坡 马来西亚 "
    "印尼 菲律宾 欧洲 亚洲 非洲 北美 南美 纽约 伦敦 巴黎 东京 柏林 莫斯科 "
    "华东 华南 华北 华中 西南 西北 东北 华西 华盛顿 洛杉矶 旧金山 悉尼 首尔 "
    "大阪 罗马 维也纳 长江 黄河 太平洋 大西洋 印度洋"
).split()
_ORGANISATION = re.compile(
    r"([\u4e00-\u9fff]{2})(?<![全底内外顶头上下中东西南北局大干总乐腹背尾面根各本该城超门股地社小园州结布格当分之到好"
    r"用长学])(?=(?:版(?!本|权|面)|套餐|省|市|县|区(?!别|分)|镇|州|大学|学院|公司|集团|银行|医院|部(?!分|署|件|位|长)"
    r"|部门|局(?!面|限)|厅|委员会|协会|中心|车站|机场"
    r"|基金会|研究所|出版社|团队|分行|分店|支队|处(?=[，。、的]|$)|科(?=[，。、的]|$)|组(?=[，。、的]|$)))"
)
_NO_NAME = re.compile(r"[得到会能可要以上下年月日时的了是在有没不就都也还又再把被很最着过给向对和与或们这那个些]")
_NUMERAL = re.compile(r"[一二两三四五六七八九十几]")
_NO_ORGANISATION = frozenset(
    (
        "全部 内部 外部 各部 本公 该公 公司 一部 大部 这个 该部 其中 我们 他们 的部 有限 各个 相关 有关 所在 当地 地区 "
        "城市 本市 全市 全国 全省 主要 负责 联系 提交 前往 位于 来自"
    ).split()
)

_INITIAL_WORDS = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun "
    "mondays tuesdays wednesdays thursdays fridays saturdays sundays "
    "yes no all any most many some several few both each every other another one two three four five six seven "
    "eight nine ten "
    "according under over before after during since until when while if unless because although though however "
    "therefore "
    "thus also then there here today currently generally usually typically overall first second third finally "
    "additionally "
    "moreover furthermore instead only once as".split()
)


class Names(Struct, frozen=True):
    """`certain` look like names wherever they stand, `likely` by what stands around them in Chinese.

    `first` is a capital word at the beginning: perhaps a name.
    """

    certain: frozenset[str]
    first: str = ""
    likely: frozenset[str] = frozenset()

    def missing_from(self, passage: str) -> bool:
        """Whether a certain name is not in the passage, in whatever form or case, nor as initials."""
        known = Known(terms(passage, keep_stop_words=True))
        folded = fold(passage)
        return any(not _known(name, known, folded, passage) for name in self.certain)

    def strange_to(self, folded: str) -> bool:
        """Whether the folded passage has not a single character of what is likely a name."""
        return any(not set(fold(name)) & set(folded) for name in self.likely)

    def doubtful_in(self, folded: str) -> bool:
        """Whether what is likely a name is not in the folded passage."""
        return any(fold(name) not in folded for name in self.likely)


def names_in(sentence: str) -> Names:
    """The names of a sentence."""
    certain: set[str] = set()
    first = ""
    for match in _CAPITAL.finditer(sentence):
        word = match.group().strip(".'’")
        word = re.sub(r"['’]s$", "", word)
        if _common(word):
            continue
        if _begins(sentence, match.start()) and not (word.isupper() and len(word) > 1):
            first = _term(word)
        else:
            certain.add(_term(word))
    certain.update(_term(match.group()) for match in _CODE.finditer(sentence))
    likely: frozenset[str] = frozenset()
    if _HAN.search(sentence):
        certain.update(_term(match.group()) for match in _LATIN.finditer(sentence) if not _common(match.group()))
        certain |= _certain_in_chinese(sentence)
        likely = frozenset(_likely_in_chinese(sentence))
    return Names(frozenset(certain - {""}), first, likely)


def _common(word: str) -> bool:
    lowered = word.lower()
    return lowered in STOP_WORDS or lowered in FUNCTION_WORDS or lowered in _INITIAL_WORDS or lowered == "i"


def _term(word: str) -> str:
    found = terms(word, keep_stop_words=True)
    return found[0] if found else ""


def _begins(sentence: str, start: int) -> bool:
    return not sentence[:start].strip(" \t\n\"'“”‘’(*_>#-") or sentence[:start].rstrip()[-1:] in ".!?:"


def _known(name: str, known: Known, folded: str, passage: str) -> bool:
    return (
        known.akin(name)
        or name in folded
        or _initials(name, passage)
        or any(name[:-cut] in known.terms for cut in (1, 2, 3) if len(name) - cut >= STEM)  # Asian, of Asia
    )


def _initials(name: str, passage: str) -> bool:
    """`EU` where the passage has `European Union`."""
    if not 2 <= len(name) <= 6 or not name.isalpha():
        return False
    heads = "".join(word[0] for word in re.findall(r"[A-Za-z]+", passage)).lower()
    return name in heads


def _certain_in_chinese(sentence: str) -> set[str]:
    found = {match[1] for match in _TITLED.finditer(sentence)} | {
        match.group() for match in _FOREIGN.finditer(sentence)
    }
    return found | {place for place in _PLACES if place in sentence}


def _likely_in_chinese(sentence: str) -> set[str]:
    found: set[str] = set()
    for match in _PERSON.finditer(sentence):
        name = match["start"] or match["after"] or match["titled"]
        if not _NO_NAME.search(name):
            found.add(name)
    found.update(
        match[1]
        for match in _ORGANISATION.finditer(sentence)
        if match[1] not in _NO_ORGANISATION and not _NUMERAL.search(match[1]) and not _NO_NAME.search(match[1])
    )
    return found
