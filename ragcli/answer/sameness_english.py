"""An English question in the one way in which it is compared: its kind, its tense, and its words in their order."""

from __future__ import annotations

import re

from ragcli.answer.phrases import Phrase, compiled, rewritten
from ragcli.answer.sameness_phrases import IRREGULAR, PHRASES
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
_THING = r"(?!i |we )(?P<thing>(?:(?!(?:is|are|be|been|do|does|that|which|who)\b)\S+ )+?)"
_STATED = r"support|accept|allow|use|include|cover|offer|provide|need|require"
_GENERIC = (
    (
        "LONG",
        "is|are",
        rf"^(?P<asked>LONG) (?:is|are) {_THING}(?P<verb>\w+)"
        r"(?P<rest>(?: (?:in|on|at|by|for|after|before|until|from|with) .*)?)$",
    ),
    ("LONG", "do", r"^(?P<asked>LONG)(?P<thing>) (?:do|does) (?:we|you|they) (?P<active>\w+)(?P<rest>.*)$"),
    ("how", " be ", rf"^(?P<asked>how) (?:can|could|should) {_THING}be (?P<verb>\w+)(?P<rest>.*)$"),
    ("what", _STATED, rf"^(?P<asked>what) {_THING}(?:is|are) (?P<verb>(?:{_STATED})e?d)(?P<rest>.*)$"),
    (
        "what",
        _STATED,
        rf"^(?P<asked>what) {_THING}(?:do|does) (?:i|we|you|they) (?P<active>{_STATED})(?P<rest>.*)$",
    ),
    ("can|may|must", " be ", rf"^(?P<asked>can|may|must) {_THING}be (?P<verb>\w+)(?P<rest>.*)$"),
    ("do", " to be ", rf"^(?P<asked>do|does) {_THING}(?:have|need) to be (?P<verb>\w+)(?P<rest>.*)$"),
    (
        "is",
        "allowed|permitted|possible",
        r"^(?P<asked>is)(?P<thing>) (?P<doing>\w+ing) (?:allowed|permitted|possible)(?P<rest>.*)$",
    ),
)
"""Beginnings, cues and patterns of what anybody does with a thing, told as what is done with it or as what one does."""
_ASKED = {"how": "HOW", "can": "MAY", "may": "MAY", "is": "MAY", "must": "MUST", "do": "MUST", "does": "MUST"}
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
    text = _active(rewritten(text, PHRASES))
    return _arranged(text)


def _active(text: str) -> str:
    """What is done by nobody in particular, as if one did it: how long are logs kept, how long do we keep logs."""
    text = re.sub(r"^which\b", "what", text)
    for beginnings, cues, pattern in _GENERIC:
        if not text.startswith(tuple(beginnings.split("|"))) or not any(cue in text for cue in cues.split("|")):
            continue
        if found := compiled(pattern).match(text):
            parts = found.groupdict()
            verb = _infinitive(parts["verb"]) if "verb" in parts else _stem(parts.get("active") or parts["doing"])
            if verb:
                asked = _ASKED.get(parts["asked"], parts["asked"])
                return " ".join((asked, verb, parts["thing"], parts["rest"]))
    return text


def _infinitive(participle: str) -> str:
    """Its stem; empty for what is no participle."""
    infinitive = IRREGULAR.get(participle, "")
    return _stem(infinitive or participle) if infinitive or participle.endswith("ed") else ""


def _stem(verb: str) -> str:
    verb = _SAME.get(verb, verb)
    return (terms(verb, keep_stop_words=True) or [verb])[0]


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
    if kind in {"HOW", "MAY", "MUST"} and said:
        said[0] = _stem(said[0])
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
