"""A Chinese question in the one way in which it is compared: question words and synonyms replaced, the rest as it is.

Chinese is not cut into words here: phrases that are known are replaced where they stand, longest first, particles that
say nothing go, and what is left is compared character by character. Negation (不, 没, 未, 无, 非, 禁), numbers, names
and order are never touched.
"""

from __future__ import annotations

import re

from ragcli.answer.phrases import Phrase, compiled, rewritten

_NUMERAL = (
    r"(?<![一二三四五六七八九十百千万第周星期])([零一二两三四五六七八九十百千万]+)(?=个?(?:天|日|年|月|小时|分钟|元|块|次|人|岁|周"
    r"|星期|倍|级|号|点|工作日|季度|%|部|台|件|名|位|层|楼|页|章|条))"
)
_DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10_000}
_NUMERALS = frozenset(_DIGITS) | frozenset(_UNITS)
_POLITE = re.compile(
    r"^(?:请问一下|请问|麻烦问一?下|麻烦|想问一?下|我?想问|我?想请教一?下|我?想咨询一?下|我?想知道|我?想了解一?下|我?想了解|"
    r"(?:你|您)?(?:能否|能不能|可不可以|可以|能)告诉我|请?告诉我|请教一?下|请教|你好|您好|哈喽|谁知道|有谁知道|有人知道|"
    r"帮我?查一?下|咨询一?下|问一?下)[，,：:\s]*"
)
_ENDING = re.compile(r"[\s?!。.！？~…]*(?:谢谢|呢|啊|呀|吧|嘛|哦|哈|来着)?[\s?!。.！？~…]*$")
_YES_NO = re.compile(r"(?:吗|(?<![什怎这那要多])么)[\s?!。.]*$")
_MARKS = re.compile(
    r"[\s，,。.!?；;：:、“”\"'‘’()《》「」【】~…·]+(?![0-9a-z])|(?<![0-9a-z])[\s，,。.!?；;：:、“”\"'‘’()《》「」【】~…·]+"
)

_HOW, _WHY, _WHEN, _LONG, _WHERE, _WHO, _MANY, _PRICE, _WHAT, _WHICH, _MAY, _MUST, _YES = (
    "⟨HOW⟩", "⟨WHY⟩", "⟨WHEN⟩", "⟨LONG⟩", "⟨WHERE⟩", "⟨WHO⟩", "⟨MANY⟩", "⟨PRICE⟩", "⟨WHAT⟩",
    "⟨WHICH⟩", "⟨MAY⟩", "⟨MUST⟩", "⟨YES⟩",
)  # fmt: skip
_PHRASES: tuple[Phrase, ...] = (
    ("能", r"能不能|能否", f"{_YES}能"),
    ("可", r"可不可以|可否", f"{_YES}可以"),
    ("是不是", r"是不是", f"{_YES}是"),
    ("有没有", r"有没有", f"{_YES}有"),
    ("会不会", r"会不会", f"{_YES}会"),
    ("要不要|需不需要|需要不需要", r"需不需要|需要不需要|要不要", f"{_YES}需要"),
    ("是否", r"是否", _YES),
    ("是怎|是什么样", r"(?:是怎样的|是怎么样的|是什么样的)$", "是什么"),
    # why, how
    (
        "为什么|为何|为啥|何故|原因|因何",
        r"(?:是)?(?:为什么|为何|为啥|因为什么|什么原因|因何|何故)"
        r"|的?原因(?:是什么|是啥|有哪些|何在)",
        _WHY,
    ),
    ("⟨WHY⟩", rf"{_WHY}会(?![议员计见谈费所客话面])", _WHY),
    ("⟨WHY⟩", rf"({_WHY}[^不]*?)会(?=失败|出现|发生|报错|出错|崩溃|中断|停止)", r"\1"),
    ("怎么", r"怎么(?=没|不|还|会|这么|那么|又|才(?!能|可))", "⟨SURPRISE⟩"),
    ("怎么样才", r"怎么样才", "怎么才"),
    ("怎么样", r"怎么样", "⟨LIKE⟩"),
    ("怎么办", r"怎么办", "⟨DO⟩"),
    ("怎么回事", r"怎么回事", "⟨MATTER⟩"),
    (
        "咋|如何|怎么|怎样",
        r"(?:应该|应当|应|该|要|需要)?(?:怎样|如何|怎么|咋样?)(?:才能|才可以|才)?"
        r"(?:可以|能够|能)?(?:进行)?",
        _HOW,
    ),
    (
        "办法|方法|步骤|流程",
        r"^(.{2,}?)的?(?:具体)?(?:方法|步骤|办法|流程|操作步骤|操作方法|操作流程)(?<!管理办法)"
        r"(?:是什么|是啥|有哪些|是怎样的|是)?$",
        _HOW + r"\1",
    ),
    ("⟨HOW⟩", rf"^(.{{2,}}?)的?(?:流程|步骤|方法)(?:是)?{_HOW}的?$", _HOW + r"\1"),
    # when, how long, where, who
    (
        "什么时候|什么时间|何时|几时|啥时候|啥时间",
        r"(?:是在|在|是)?(?:什么时候|什么时间|何时|啥时候|啥时间|几时)",
        _WHEN,
    ),
    ("多久|多少时间|多长", r"多长时间|多少时间|多久时间|多久|(?<=期|限|间)(?:有|是|为)?多长(?:时间)?", _LONG),
    ("⟨LONG⟩", rf"(?:需要花|需要|要花|需|要|得|花费|花){_LONG}", f"须{_LONG}"),
    ("⟨LONG⟩", rf"(?:是|为|有|能有){_LONG}", _LONG),
    ("保修|质保", r"(?:保修|质保)(?:期限|期|时间|时长)?(?=⟨LONG⟩)", "保修期"),
    (
        "什么地方|何处|哪个地方|哪儿|哪边|哪里|在哪",
        r"(?:是在|位于|在)?(?:什么地方|哪个地方|哪里|哪儿|何处|哪边)"
        r"|在哪(?![些个一种年天款位])",
        _WHERE,
    ),
    (
        "什么人|何人|哪个人|哪位|谁",
        r"(?:应该|应当|应|该|需要|要)?(?:是由|由)?(?:谁|哪位|什么人|哪个人|何人)"
        r"(?:来|负责)?(?=审批|批准|处理|维护|管理|安排|保管|签订|签署|承担|支付)|"
        r"(?:应该|应当|应|该|需要|要)?(?:是由|由)?(?:谁|哪位|什么人|哪个人|何人)",
        _WHO,
    ),
    # how many, how much, which, what
    (
        "什么价|价格|价钱|售价|啥价|多少钱",
        r"(?:卖|售|要|需要)?(?:多少钱|什么价格?|啥价)"
        r"|的?(?:价格|价钱|售价)(?:是|为|要)?(?:多少|怎么样|几何)",
        _PRICE,
    ),
    (
        "几|多少",
        r"(?:是|有|为|能有)?(?:几|多少)"
        r"(?=个|天|年|月|小时|分钟|次|人|周|种|份|台|元|名|位|级|页|条|张|岁|项|日|家|号|层|工作日)",
        _MANY,
    ),
    ("多少", r"(?<=端口|号码|编号|版本|电话|密码|代码)(?:是|为)?多少", "是什么"),
    ("多少", r"(?:是|有|为)?多少", _MANY),
    ("什么|哪些|哪几", r"(?:都|一共|总共)?(?:包括|包含|含)(?:了)?(?:哪些|什么|哪几[种个项])", f"包括{_WHICH}"),
    ("什么|哪些|哪几", r"(?:都|一共|总共)?有(?:哪些|什么|哪几[种个项])", _WHICH),
    (
        "什么",
        r"(?<![是为叫])什么(?=操作系统|语言|格式|文件|证件|设备|型号|平台|浏览器|功能|条件|资料|材料|手续|权限)",
        "哪些",
    ),
    (
        "⟨WHICH⟩",
        rf"^(.+?(?:要求|条件|规定|政策|特点|优点|缺点|好处|坏处|区别|作用|用途|职责|义务)){_WHICH}$",
        _WHAT + r"\1",
    ),
    (
        "什么",
        r"^什么(?:叫做|叫|是)(.+)$"
        r"|^(.+?)(?:指的是什么|是指什么|(?:是|表示|代表)?什么意思|的意思是什么|表示什么|代表什么)$",
        _WHAT + r"\1\2",
    ),
    ("为|是", r"^(.+?)(?:是|为)(?:什么|啥)$", _WHAT + r"\1"),
    # leave and duty
    (
        "允许|准许|可以|能",
        r"(?:可以|能够|允许|准许"
        r"|(?<![功性智节可职万技才核电动热潜机体效产只])能(?![力源量耗手级见]))",
        _MAY,
    ),
    ("一定要|务必|必需|必须|需要|须要", r"(?:必须要?|务必|必需|一定要|需要|须要)", _MUST),
    # true synonyms
    ("买|选购", r"购买|选购|(?<![收])买(?![家卖断单])", "购"),
    ("启用|开启", r"启用|开启", "启用"),
    ("停用|禁用", r"禁用|停用", "禁用"),
    ("删", r"删除|删掉|删去", "删除"),
    ("修改|变更|更改", r"修改|更改|变更", "修改"),
    ("查", r"查询|查看", "查询"),
    ("联", r"联系|联络", "联系"),
    ("新建|创建", r"新建|创建", "创建"),
    ("⟨WHERE⟩", rf"(?:保存|存放|存储|储存)(?={_WHERE})", "存放"),
    ("一个", r"(?<=创建|删除|添加|配置|设置|安装|注册|申请)一个(?!月|小时|星期|工作日|季度|人)", ""),
    ("提交|递交", r"提交|递交", "提交"),
    ("审批|批准|核准", r"审批|批准|核准|审核批准", "批准"),
    ("登", r"登录|登陆|登入", "登录"),
    ("重", r"重置|重设|重新设置", "重置"),
    ("忘", r"忘记了?|忘了", "忘记"),
    ("员工|职员|职工|雇员", r"员工|职工|雇员|职员", "员工"),
    ("客户|顾客", r"客户|顾客", "客户"),
    ("截止日|截止时间|最后期限", r"截止日期|截止时间|最后期限|截止日", "截止"),
    ("电话号码", r"电话号码", "电话"),
    ("邮箱", r"电子邮箱|邮箱地址|邮箱", "邮箱"),
    ("口令|密码", r"密码|口令", "密码"),
    ("最多|至多", r"最多|至多", "最多"),
    ("最少|至少", r"最少|至少", "至少"),
    ("材料|资料", r"材料|资料", "材料"),
    ("保修期|质保期", r"保修期限?|质保期限?", "保修期"),
    ("年", r"年休假|年假", "年假"),
    ("全部|所有", r"全部|所有", "全部"),
    ("之前|以前", r"之前|以前", "之前"),
    ("之后|以后", r"之后|以后", "之后"),
    ("一下|具体|到底|咱们|我|本公司|究竟", r"(?:具体|到底|究竟|一下|我们|咱们|本公司|(?<!自)我(?!国|方))", ""),
    ("的", r"的", ""),
)
_VERBS = (
    "发放|发布|审批|批准|重置|修改|删除|申请|报销|办理|取消|登录|提交|激活|启用|禁用|关闭|打开|设置|安装|卸载|导出|导入|备份|恢复|"
    "联系|查询|更新|升级|下载|上传|注册|支付|缴纳|预订|预约|领取|更换|申报|续签|签订|处理|使用|开具|打印|连接|计算|配置|停止|购|发|交|开|退|换|查|用"
)
_TOPIC = rf"^([^⟨⟩]{{1,20}}?)({_HOW}|{_WHEN}|{_WHO}|{_WHERE})({_VERBS})$"
_MOVED = re.compile(rf"{_WHY}|{_WHEN}|{_HOW}|{_YES}")


def _number(numeral: str) -> int:
    """Value of 十五, 二百, 三千五百, 两万; digits in a row (二零二四) as they stand."""
    if not any(character in _UNITS for character in numeral):
        return int("".join(str(_DIGITS[character]) for character in numeral))
    total, section, digit = 0, 0, 0
    for character in numeral:
        if character in _DIGITS:
            digit = _DIGITS[character]
        elif character == "万":
            total, section, digit = (total + section + digit) * 10_000, 0, 0
        else:
            section += (digit or 1) * _UNITS[character]
            digit = 0
    return total + section + digit


def canonical(text: str) -> tuple[str, ...]:
    """Kind of question, then the rest as one string; empty where too little is left to be sure."""
    text = text.casefold()
    asks = bool(_YES_NO.search(text))
    text = _YES_NO.sub("", text)
    text = _ENDING.sub("", text)
    while opening := _POLITE.match(text):
        text = text[opening.end() :]
    text = _MARKS.sub("", text)
    if _NUMERALS.intersection(text):
        text = compiled(_NUMERAL).sub(lambda match: str(_number(match[1])), text)
    text = rewritten(text, _PHRASES)
    if "⟨" in text and (topic := compiled(_TOPIC).match(text)):
        text = f"{topic[2]}{topic[3]}{topic[1]}"
    kinds = sorted({*_MOVED.findall(text), *([_YES] if asks else [])})
    text = _MOVED.sub("", text)
    return ("zh", *kinds, "|", text) if len(re.sub(r"⟨.*?⟩", "", text)) > 1 else ()
