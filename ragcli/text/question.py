"""What a question is about: its terms without the words that only ask.

"What is the refund period?" and 退款期限是多久？ are matched by what they name. The words that make them questions
stand in any passage, so they only add noise: leaving them out gains on every kind of question that was measured.
"""

from __future__ import annotations

import re

from ragcli.text.analyze import STOP_WORDS, simplify, terms

_ENGLISH = frozenset(
    term
    for word in (
        "what which who whom whose how when where why do does did doing done can could would should may might must "
        "has have had having been being were am i you me my your mine we our ours us he she him her hers his its "
        "from about any some more most than other also all so tell please give show explain describe"
    ).split()
    for term in terms(word)
)
_CHINESE = frozenset("的了是在有和与及被由个之于几中请就都也还吧呢吗啊我你您他她它")
_CHINESE_PHRASES = re.compile(
    "什么意思|意思是什么|为什么|什么时候|什么|哪些|哪个|哪里|哪儿|哪年|哪一|多少|多久|怎么样|怎么|怎样|如何|是否|几个|请问|告诉我|我们|你们|谁|哪|吗|呢"
)


def says_nothing(question: str) -> bool:
    """Whether it is made of words alone that stand in any text, such as `to be or not` and 的."""
    words = simplify(question).lower().split()
    return bool(words) and all(word in STOP_WORDS or _CHINESE.issuperset(word) for word in words)


def content_terms(question: str) -> list[str]:
    """The terms to look for, repeats kept. A question of nothing but such words keeps them; of symbols, has none."""
    everything = terms(question)
    about = terms(_CHINESE_PHRASES.sub(" ", simplify(question)))
    return (
        [term for term in about if term not in _ENGLISH and term not in _CHINESE]
        or everything
        or terms(question, keep_stop_words=True)
    )
