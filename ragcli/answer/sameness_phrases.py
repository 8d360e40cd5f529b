"""English phrases that are one way of asking written as another, in the order in which they are looked for."""

from __future__ import annotations

from ragcli.answer.phrases import Phrase

_I = r"(?:i|we|you|one|someone|somebody|people)"
_THE = r"(?:the |a |an )?"
PHRASES: tuple[Phrase, ...] = (
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
    ("how much", r"^how much (?:is|are) (?:the|a|an) ((?:[\w-]+ ){0,2}[\w-]+)$", r"PRICE \1"),
    # difference
    ("difference", r"^what (?:is|are) the differences? between (.+?) and (.+)$", r"DIFFER \1 and \2"),
    ("differ", r"^how (?:do|does) (.+?) differ from (.+)$|^how do (.+?) and (.+) differ$", r"DIFFER \1\3 and \2\4"),
    # reason, person, place, sense
    ("who", r"^whom? (?:do|should|can|must) i ", "who do i "),
    ("in charge", r"^(who is) in charge of ", r"\1 responsible for "),
    ("deadline", r"^when (?=is the deadline\b)", "what "),
    (
        "how come|reason",
        rf"^(?:for what reason|how come|what (?:is|are) {_THE}reasons? (?:why|that|for which))\b"
        r"|^what is the reason (?=(?:the|this|these|my|our|its?|i|we|you|an?)\b)(?!.*\bof\b)",
        "why ",
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
    ("of", r"^WHERE (?:is |are )?([\w ]+?) of ([\w '-]+)$", r"WHERE \2 \1"),
    (
        "what|which",
        r"^(on|at|in|from|with|under|through|via) (?:what|which) ((?:\w+ ){1,2}?)(is|are|do|does|can|must|will) (.+)$",
        r"what \2\3 \4 \1",
    ),
    ("of", r"^(?:what|which) (\w+) of (\w+) (?=(?:is|are|do|does|can|must|should|will) )", r"what \2 \1 "),
    ("what happens", r"^what happens (?:if|when) ", "what happens if "),
    ("MANY", r"^MANY (\w+) of (\w+) (?=(?:is|are|do|does|can|must|should|will) )", r"MANY \2 \1 "),
    ("MANY", r"^MANY ([\w -]+?) (?:do|does) ([\w -]+?) (?:have|contain)$", r"MANY \1 of \2"),
    ("MANY", r"^MANY ([\w -]+?) (?:are there |are )?(?:in|of) ((?:[\w-]+ ){0,3}[\w-]+)$", r"MANY \1 of \2"),
    # leave, duty, presence
    (
        "needed|required|necessary",
        r"^(?:is|are) ((?:an?|any) .+?) (?:needed|required|necessary) (to|for) ",
        r"do i need \1 \2 ",
    ),
    (
        "am i|are we|can|is it|is one|is there|may",
        r"^(?:can|may) (?:i|we|one) |^(?:am i|are we|is one) (?:allowed|permitted|able) to |"
        r"^is it (?:possible|allowed|permitted|ok|okay|permissible)(?: for (?:me|us))? to |"
        r"^is there (?:a|any) way to (?!the\b|an?\b|my\b|our\b)",
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
    ("that|which", r"\b(\w{3,}) (?:that|which) (?:was|were|is|are|ha(?:s|ve) been) (\w{3,}ed)$", r"\2 \1"),
    (
        "that|which",
        r"\b(\w{3,}) (?:that|which) (?:ha(?:s|ve) )?(failed|expired|crashed|stalled|stopped|lapsed)$",
        r"\2 \1",
    ),
)

IRREGULAR = dict(
    pair.split()
    for pair in (
        "kept keep; held hold; sent send; paid pay; built build; run run; set set; put put; made make; taken take; "
        "given give; written write; shown show; sold sell; bought buy; lost lose; read read; cut cut; drawn draw; "
        "chosen choose; found find; left leave; brought bring; taught teach; broken break; split split; "
        "rebuilt rebuild; reset reset; shut shut"
    ).split("; ")
)
"""Participles that do not end with -ed."""
