"""An English question in the one way in which it is compared: its kind, its tense, and its words in their order."""

from __future__ import annotations

import re

from ragcli.answer.phrases import Phrase, compiled, rewritten
from ragcli.text.analyze import terms

_TOKEN = re.compile(r"[A-Za-z][+#]{1,2}(?!\w)|\d+(?:[.,:/]\d+)*|[^\W_]+(?:[_.@/'&-][^\W_]+)*|[^\s\w?!.,;:'\"()]")
_QUOTES = str.maketrans("’‘“”", "''\"\"")
_NUMBERS = {
    word: str(number)
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty".split()
    )
} | {"thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "ninety": "90"}
_CONTRACTIONS: tuple[Phrase, ...] = (
    ("n't", r"\b(can|could|would|should|do|does|did|is|are|was|were|has|have|had|must|need)n't\b", r"\1 not"),
    ("won", r"\bwon't\b", "will not"),
    ("cannot", r"\bcannot\b", "can not"),
    ("'s", r"\b(what|who|where|when|how|why|it|that|there)'s\b", r"\1 is"),
    ("i'm", r"\bi'm\b", "i am"),
    ("'d", r"\b(i|we|you)'d\b", r"\1 would"),
    ("'", r"'s\b|(?<=s)'(?!\w)", ""),
    ("e-mail", r"\be-mail", "email"),
    ("%|cent", r"(?<=\d)\s*%|(?<=\d)\s*per ?cent\b", " percent"),
    ("-", r"(?<=\d)-(?=[a-z])", " "),
)
_OPENINGS: tuple[tuple[str, str], ...] = (
    ("hi|hello|hey|please|wondering", r"(?:hi|hello|hey|please|just wondering)\b[,:]?"),
    ("excuse|sorry|question|so|ok|well", r"(?:excuse me|sorry|(?:quick )?question|so|ok|okay|well)[,:]"),
    (
        "tell|explain|inform|let",
        r"(?:(?:could|can|would|will) (?:you|someone|anyone|anybody)(?: please| kindly)? )?"
        r"(?:tell|explain to|inform|let) (?:me|us)(?: know)?\b[,:]?",
    ),
    (
        "to know|find out|to ask|wonder",
        r"(?:i|we) (?:(?:would|want|need)(?: like)? to (?:know|find out|ask)|(?:was|am|were|are) wondering|wonder)"
        r"\b[,:]?",
    ),
    ("know", r"(?:do|does) (?:you|anyone|anybody) know\b[,:]?"),
    ("explain|describe", r"(?:explain|describe) (?=how |why |what )"),
    ("any idea", r"(?:do you have )?any idea\b[,:]?"),
)
"""Cues, and what is said before the question."""
_CLOSING = re.compile(r"[\s,]*\b(?:please|thanks|thank you|exactly)?[\s?!.]*$")
_FIRST = (
    r"^((?:in|for|on|at|under|during|within|after|before|from) [^,?]{2,60}), "
    r"((?:what|which|who|when|where|why|how|is|are|do|does|can|may|must) .*)$"
)
_I = r"(?:i|we|you|one|someone|somebody|people)"
_THE = r"(?:the |a |an )?"
_PHRASES: tuple[Phrase, ...] = (
    # the way of doing something
    (
        "how",
        rf"^how (?:do|can|could|should|would|must|may|might|shall) {_I} (?:go about )?(?!be\b|have\b|know\b)",
        "HOW ",
    ),
    ("how", rf"^how (?:to|{_I} (?:can|could|should|may|might)) ", "HOW "),
    (
        "what",
        r"^what (?:is|are) the (?:way|procedure|process|method|steps?|correct way|right way)"
        r" (?:to|for|of|on how to|i should take to|to take to) (?!the\b|a\b|an\b)(?=\w+)",
        "HOW ",
    ),
    (
        "what",
        rf"^what (?:steps|must|should|do) (?:do |must |should )?{_I} (?:need to |have to |must )?(?:take|do) to ",
        "HOW ",
    ),
    ("works", r"^how (?!do\b|does\b|did\b|is\b|are\b|many\b|much\b)(.+) works$", r"how does \1 work"),
    ("where", r"^where (?:can|could|do) (?:i|we) (?!find\b)", "where "),
    # time
    ("how long", r"^(?:for )?how long (?:does|will|would|do) it (?:usually )?take (?:to|for|until) ", "LONG take "),
    ("how much time", r"^how much time (?:does|will|would|do) it take (?:to|for|until) ", "LONG take "),
    (
        "how long|how much time|what length of time",
        r"^(?:how much time|for how long|how long|what length of time)\b",
        "LONG",
    ),
    ("duration|length of time", rf"^what (?:is|are) {_THE}(?:duration|length of time) of ", "LONG "),
    ("what time", r"^(?:at )?what time\b", "CLOCK"),
    ("what|which|whom", r"^(?:on )?(?:what|which) (?:date|day)\b", "DATE"),
    ("frequently|often", r"^how (?:often|frequently)\b", "OFTEN"),
    # amounts
    (
        "how many|number|quantity",
        rf"^(?:what (?:is|are) {_THE}(?:number|quantity) of (?!the\b|my\b|our\b|an?\b)|how many )",
        "MANY ",
    ),
    ("how much", r"^how much (?:do|does|will|would) (.+?) cost\b", r"PRICE \1"),
    ("what", r"^what (?:do|does|will|would) (.+?) cost\b", r"PRICE \1"),
    ("what", rf"^what (?:is|are) {_THE}(?:price|cost|costs|prices) (?:of|for) ", "PRICE "),
    ("how expensive", r"^how expensive (?:is|are) ", "PRICE "),
    (
        "how much",
        r"^how much (?:is|are) (?=.*\b(?:fees?|discounts?|allowances?|limits?|deposits?|prices?|fines?|penalty|budget"
        r"|salary|bonus|premium|surcharge)\s*$)",
        "what is ",
    ),
    ("how|size of", rf"^(?:how (?:big|large) (?:is|are)|what (?:is|are) {_THE}size of) ", "SIZE "),
    ("how heavy|weight of", rf"^(?:how heavy (?:is|are)|what (?:is|are) {_THE}weight of) ", "WEIGHT "),
    ("how much do", r"^how much (?:does|do) (.+?) weigh\b", r"WEIGHT \1"),
    ("height of|high|tall", rf"^(?:how (?:tall|high) (?:is|are)|what (?:is|are) {_THE}height of) ", "HEIGHT "),
    ("age of|how old", rf"^(?:how old (?:is|are)|what (?:is|are) {_THE}age of) ", "AGE "),
    # reason, person, place, sense
    (
        "how come|reason",
        rf"^(?:for what reason|how come|what (?:is|are) {_THE}reasons? (?:why|that|for which))\b",
        "why",
    ),
    ("what|which|whom", r"^(?:which|what) person\b|^whom\b", "who"),
    (
        "where|location of",
        rf"^(?:what (?:is|are) {_THE}location of|where (?:can|do|could|may) {_I} find|where (?:is|are)) (.+?)"
        r"(?: located| situated)?$",
        r"WHERE \1",
    ),
    ("be found", r"^where (?:can|could) (.+?) be found$", r"WHERE \1"),
    (
        "define|meaning of|what",
        rf"^what (?:does|do|is) (.+?) (?:mean|meant)$|^what is {_THE}meaning of (.+)$|^define (.+)$",
        r"SENSE \1\2\3",
    ),
    # leave, duty, presence
    (
        "am i|are we|can|is it|is one|may",
        r"^(?:can|may) (?:i|we|one) |^(?:am i|are we|is one) (?:allowed|permitted|able) to |"
        r"^is it (?:possible|allowed|permitted|ok|okay|permissible)(?: for (?:me|us))? to ",
        "MAY ",
    ),
    (
        "compulsory|have|mandatory|must|necessary|need|obligated|obligatory|obliged|required",
        r"^(?:must|need) (?:i|we|one) |^(?:do|does) (?:i|we|one) (?:have|need) to |"
        r"^(?:am i|are we) (?:required|obliged|obligated) to |"
        r"^is it (?:necessary|required|mandatory|compulsory|obligatory)(?: for (?:me|us))? to ",
        "MUST ",
    ),
    ("have|there", r"^(?:is|are) there (?:an? |any |some )?|^do (?:we|you) have (?:an? |any |some )?", "PRESENT "),
    # words of several words
    ("switch|turn", r"\b(?:turn|switch) on (?=\w)", "enable "),
    ("switch|turn", r"\b(?:turn|switch) off (?=\w)", "disable "),
    (
        "switch|turn",
        r"\b(?:turn|switch) (?!on\b|off\b|over\b|back\b|to\b|into\b|in\b|between\b)([\w -]+?) on$",
        r"enable \1",
    ),
    (
        "switch|turn",
        r"\b(?:turn|switch) (?!on\b|off\b|over\b|back\b|to\b|into\b|in\b|between\b)([\w -]+?) off$",
        r"disable \1",
    ),
    ("sign", r"\bsign(?:ing)? up\b", "register"),
    ("log|sign", r"\b(?:sign|log)(?:ging|ing)? (?:in|on)(?: to|to)?\b|\blogin to\b", "login"),
    ("log|sign", r"\b(?:sign|log)(?:ging|ing)? (?:out|off)(?: of| from)?\b(?! on)", "logout"),
    ("sign", r"\bsigns? off(?: on)?\b", "approve"),
    ("contact|touch", r"\bget(?:ting)? (?:in touch|in contact) with\b", "contact"),
    ("set", r"\bset(?:ting)? up\b", "configure"),
    ("send", r"\bsend(?:ing)? back\b", "return"),
    ("hand in", r"\bhand in\b", "submit"),
    ("put off", r"\bput off\b", "postpone"),
    ("of staff|staff member", r"\bstaff members?\b|\bmembers? of staff\b", "employee"),
    ("most|no more than", r"\b(?:at (?:the )?(?:very )?most|no more than)\b", "atmost"),
    ("least|no fewer than|no less than", r"\b(?:at (?:the )?(?:very )?least|no fewer than|no less than)\b", "atleast"),
    ("prior to", r"\bprior to\b", "before"),
    ("in order to", r"\bin order to\b", "to"),
)
_SYNONYMS = """
purchase buy; begin start; commence start; erase delete; modify change; alter change; repair fix; mend fix; large big;
max maximum; permit allow; permitted allowed; forbid prohibit; banned prohibited; forbidden prohibited; need require;
needed required; guarantee warranty; staff employee; telephone phone; obtain get; recruit hire; quit resign;
select choose; pick choose; kids children; authorise authorize; authorised authorized; colour color; centre center;
licence license; canceled cancelled; canceling cancelling; organisation organization; organise organize;
programme program; photo picture; sign-up register; sign-in login; log-in login; which what; assistance help;
assist help; has have; docs documentation; config configuration; info information; repo repository;
catalogue catalog; dialogue dialog;
""".replace("\n", " ")
_SPELLINGS = [
    (british + ending, american + ending)
    for british, american in (("is", "iz"), ("ys", "yz"))
    for ending in ("e", "ed", "er", "ing", "ation")
] + [("our", "or"), ("ours", "ors"), ("oured", "ored")]
_SAME = dict(pair.split() for pair in _SYNONYMS.split(";") if pair.strip())
_DROPPED = frozenset(
    "a an the do does is are am be i we my our it please exactly actually really any some that".split()
)
_TOLD = frozenset("i we".split())
"""Words that tell who does it to whom where the question is for one of them: who do I pay, who pays me."""
FRAGMENT = 4
"""Words of a mere topic ("refund policy"), which is asked for."""
_BEING = frozenset("is are am was were be been being".split())
_PAST = frozenset("was were did".split())
_FUTURE = frozenset("will shall".split())
_WH = frozenset("what which who whose when where why how".split())
_AUXILIARIES = frozenset(
    "is are am was were do does did can could may might must shall should will would has have had".split()
)
_SMALL = _DROPPED | _PAST | _FUTURE | _WH | _AUXILIARIES | frozenset("us who in on at to of for by".split())
_NO_PLURAL = frozenset(
    "news goods customs means arms glasses savings series species physics mathematics economics always besides "
    "this his hers its us was is as yes gas bus plus minus status access process address business express less "
    "unless across class pass loss boss bonus virus focus analysis basis axis lens works pants headquarters "
    "premises".split()
)
_PERIOD = frozenset("period duration".split())
_LASTING = frozenset("last run valid".split())
_TIMED = frozenset(
    "warranty trial contract lease probation notice subscription course meeting break visa offer membership internship "
    "break training license certificate".split()
)
"""What can be long in time alone: how long a cable is, and how long it lasts, are two questions."""


def canonical(text: str) -> tuple[str, ...]:
    """The kind of question, tense, and the words that say something, in order; empty where nothing is left."""
    text = text.translate(_QUOTES)
    shouting = text.upper() == text and " " in text
    text = text.casefold() if shouting else _with_names(text)
    text = rewritten(text, _CONTRACTIONS)
    text = _CLOSING.sub("", text).strip()
    text = _without_opening(text)
    if ", " in text and (first := compiled(_FIRST).match(text)):
        text = f"{first[2]} {first[1]}"
    text = rewritten(text, _PHRASES)
    return _arranged(text)


def _without_opening(text: str) -> str:
    for cues, pattern in _OPENINGS:
        if any(cue in text for cue in cues.split("|")):
            opening = compiled(pattern).match(text)
            if opening and text[opening.end() :].strip():
                return _without_opening(text[opening.end() :].lstrip())
    return text


def _with_names(text: str) -> str:
    """Folded, but for words in capitals that would be small words otherwise: US, IT, WHO, May, Will."""

    def fold(match: re.Match[str]) -> str:
        word = match.group()
        begins = not text[: match.start()].strip(" \"'(")
        if word[0].isupper() and not begins and word[-1] == "s" and not word.isupper():
            return word  # Adams is not several called Adam
        if word[0].isupper() and word.casefold() in _SMALL and word != "I" and (not begins or word.isupper()):
            return word.upper()
        return word.casefold()

    return re.sub(r"[^\W\d_]+", fold, text)


def _arranged(text: str) -> tuple[str, ...]:
    words = [word for token in _TOKEN.findall(text) for word in _parts(token)]
    if not words:
        return ()
    kind, rest = _kind(words)
    tense = [("PAST", _PAST), ("FUTURE", _FUTURE)]
    flags = [name for name, forms in tense if any(word in forms for word in words)]
    subject_asked = kind in {"who", "whose"}
    passive = any(word in _BEING for word in words)
    if passive and any(word.endswith("ed") and len(word) > 4 for word in rest):
        flags.append("DONE")  # is it approved, not does it approve
    if kind == "what":
        rest = _of_reversed(rest)
    kept = _TOLD if subject_asked else frozenset[str]()
    last = len(rest) - 1
    said = [
        _written(word)
        for place, word in enumerate(rest)
        if word in kept or (word == "do" and place == last) or word not in _DROPPED | _PAST | _FUTURE
    ]
    if kind == "SAID" and len(said) <= FRAGMENT:
        kind = "what"
    if kind == "what" and len(said) > 1 and said[-1] in _PERIOD:
        kind, said = "LONG", said[:-1]
    if kind == "LONG" and len(said) > 1 and said[-1] in _LASTING and said[-2] in _PERIOD | _TIMED:
        said = said[:-1]
    if kind == "LONG" and len(said) > 1 and said[-1] in _PERIOD:
        said = said[:-1]
    if kind == "HOW" and said:
        said[0] = (terms(said[0], keep_stop_words=True) or [said[0]])[0]
    return ("en", kind, *flags, "|", *said) if said else ()


def _parts(token: str) -> list[str]:
    """`two-factor` is two words, as it is without its hyphen; `x-200` is a name."""
    plain = "-" in token and token not in _SAME and token.replace("-", "").isalpha() and token.islower()
    return token.split("-") if plain else [token]


def _kind(words: list[str]) -> tuple[str, list[str]]:
    head, rest = words[0], words[1:]
    if head.isupper() and head.isalpha():
        return head, rest
    if head == "which":
        return "what", rest
    if head in _WH:
        if head == "how" and rest and rest[0] not in _AUXILIARIES:
            return f"how {rest[0]}", rest[1:]
        return head, rest
    if head in _AUXILIARIES:
        return "YES" if head not in {
            "can",
            "could",
            "may",
            "might",
            "must",
            "should",
            "would",
            "has",
            "have",
            "had",
        } else head, rest
    return "SAID", words


def _of_reversed(words: list[str]) -> list[str]:
    """`price of the plan` as `plan price`: what is asked for is a noun phrase here."""
    segments: list[list[str]] = [[]]
    for word in words:
        if word in {"of", "for"}:
            segments.append([])
        else:
            segments[-1].append(word)
    plain = all(not any(word in _AUXILIARIES - {"is", "are"} for word in part) for part in segments)
    if len(segments) == 1 or not plain or not all(segments) or segments[0][:2] not in (["is", "the"], ["are", "the"]):
        return words
    return [word for part in reversed(segments) for word in part]


def _written(word: str) -> str:
    """A word as all its spellings are written."""
    if word[0].isupper() or not word.isascii() or not word.isalpha():
        return word.replace(",", "") if word[0].isdigit() else word
    word = _NUMBERS.get(word, word)
    word = _SAME.get(word, word)
    single = _singular(word)
    return _SAME.get(single, _american(single))


def _american(word: str) -> str:
    """`recognise`, `analyse`, `behaviour` as they are spelt in America; no two words become one by it."""
    if len(word) < 6:  # prise is not prize, nor is four for
        return word
    for british, american in _SPELLINGS:
        if word.endswith(british):
            return word.removesuffix(british) + american
    return word


def _singular(word: str) -> str:
    if len(word) < 4 or word in _NO_PLURAL or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "ches", "shes", "xes", "zzes")):
        return word[:-2]
    return word[:-1]
