"""The regular expressions of protected spans, one per kind of thing, and the one that tries all in order.

Every expression takes time linear in the text, hostile text too. So a repetition is possessive, bounded, or
ends at the character that starts the next attempt, and a long run is entered at its start only.
None matches a line end. A word joins what it touches in scripts with spaces; Chinese, Japanese, Korean and
Thai letters may touch a span.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from itertools import groupby
from typing import NamedTuple

_SPACELESS = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fff\u3005-\u9fff\uac00-\ud7af\uf900-\ufaff"
    r"\U00020000-\U0003ffff"
)
_W = rf"[^\W{_SPACELESS}]"
"""A character of a word, in scripts with spaces."""
FRACTIONS = r"\u00bc-\u00be\u2150-\u215e"
_L = rf"[^\W\d_{_SPACELESS}{FRACTIONS}\u00b2\u00b3\u00b9\u2070-\u2079]"
_NAME = r"A-Za-z0-9_\u00c0-\u024f"
_LINE = r"\n\r\u2028\u2029"
_NBSP = r"\u00a0\u202f\u2009"

FIRST_MARK, LAST_MARK = "\U000f0000", "\U000f003f"
"""The private characters that stand for spans in a masked text (`text.placeholders`)."""

_EMOJI_BASE = (
    r"\u203c\u2049\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_EMOJI_TAIL = r"\ufe0e\ufe0f\u200d\u20e3\U000e0020-\U000e007f"
EMOJI = (
    rf"(?:[0-9#*]\ufe0f?\u20e3|[{_EMOJI_BASE}][{_EMOJI_TAIL}]*+"
    rf"|[\u00a9\u00ae\u2122\u2139\u2190-\u21ff\u25a0-\u25ff]\ufe0f[{_EMOJI_TAIL}]*+)++"
)

_URL_STOP = rf"\s<>\"“”„«»。、，！？；：「」『』（）【】《》`\\^|{_SPACELESS}"
_URL_REST = rf"(?:[^{_URL_STOP}]|(?<=[/=])[{_SPACELESS}]++)++"
URL = rf"(?<![A-Za-z0-9_])(?:[A-Za-z][A-Za-z0-9+.-]{{1,20}}+://|www\.|mailto:|tel:)(?=[\w\[+/]){_URL_REST}"
EMAIL = (
    rf"(?<![{_NAME}.+%-])[{_NAME}.+%-]++@(?:[A-Za-z0-9\u00c0-\u024f-]+\.)+[A-Za-z\u00c0-\u024f]{{2,24}}"
    r"(?![A-Za-z0-9_])"
)
_TOP_LEVEL = (
    "com|org|net|edu|gov|mil|info|biz|io|dev|app|ai|eu|uk|de|fr|es|pt|br|nl|pl|ru|ua|cn|jp|kr|ch|cz|se|dk"
    "|fi|gr|hu|ie|ro|tv|cc|ca|au|nz|us|mx|ar|xyz|online|shop|site|cloud|tech|blog|wiki"
)
DOMAIN = (
    r"(?<![A-Za-z0-9_.@-])(?:[A-Za-z0-9][A-Za-z0-9-]*+\.)+"
    rf"(?:(?:{_TOP_LEVEL})(?![A-Za-z0-9_-]|\.[A-Za-z])(?::\d{{2,5}})?(?:[/?#]{_URL_REST})?"
    rf"|[a-z]{{2,6}}/(?=[A-Za-z0-9]{{2}}){_URL_REST})"
)

_EXTENSIONS = (
    "7z|aac|avi|bak|bash|bat|bin|bmp|bz2|cfg|conf|cpp|css|csv|dat|db|deb|dll|dmg|doc|docx|epub|exe|flac|gif"
    "|gz|htm|html|ico|ini|ipynb|iso|jar|java|jpeg|jpg|js|json|jsx|log|m4a|md|mkv|mov|mp3|mp4|msi|odp|ods|odt"
    "|ogg|onnx|pdf|php|png|po|pot|ppt|pptx|ps1|py|rar|rb|rpm|rst|rtf|sh|so|sql|srt|svg|tar|tex|tgz|tif|tiff"
    "|tmx|toml|ts|tsv|tsx|ttf|txt|vtt|wav|webm|webp|whl|wmv|xls|xlsx|xml|xz|yaml|yml|zip|zst"
)
_EXTENSION = rf"\.(?:{_EXTENSIONS}|{_EXTENSIONS.upper()})(?![A-Za-z0-9_])"
FILE = rf"(?<![{_NAME}./~-])(?:[{_NAME}.~-]++/)*[{_NAME}.-]+{_EXTENSION}"
_PATH_REST = rf"[^\s<>\"'|?*:;,!()“”„«»{_SPACELESS}]++"
DRIVE = rf"(?<!\w)[A-Za-z]:[\\/](?!/){_PATH_REST}"
PATH = (
    rf"(?<![\w.~/\\])(?:\\\\(?=\w)|~/|\.\.?/)(?=\w){_PATH_REST}"
    rf"|(?<![\w./:<~)])/(?:[{_NAME}.@+~-]++/)++[{_NAME}.@+~-]*+"
)

TAG = rf"</?[A-Za-z][\w:.-]*+(?:[ \t][^<>{_LINE}]*+)?/?>|<[!?][^<>{_LINE}]*+>"
ENTITY = r"&(?:[A-Za-z][A-Za-z0-9]{1,31}+|#\d{1,7}+|#[xX][0-9A-Fa-f]{1,6}+);"
BRACES = (
    rf"\{{\{{[^{{}}{_LINE}]*+\}}\}}|\{{%[^{{}}%{_LINE}]*+%\}}"
    r"|(?:[$#%]|(?<![\w}]))\{[^\s{}]*+\}|(?<=[\w}])\{[^\s{},]*+\}"
)
PRINTF = (
    r"(?:%%)++|(?<![\d%])%(?:\(\w{1,64}+\))?(?:\d{1,2}\$)?[-+#0]{0,4}+(?:\d{1,4}+|\*)?(?:\.(?:\d{1,4}+|\*))?"
    r"(?:hh|h|ll|l|[Lqjzt])?[sdiufFeEgGxXoacp@](?![A-Za-z]{3})|(?<![\w%])%[A-Z_][A-Z0-9_]{1,63}+%"
)
VARIABLE = r"(?<![\w$])\$[A-Za-z_]\w*+"
ESCAPE = r"\\[nrtfv0\"'\\]"
CODE = rf"```\w*+|(?<![\w`])`[^`{_LINE}]++`(?![\w`])"
LINK = (
    rf"!?\[(?=[^\[\]{_LINE}]*+\]\()"
    rf"|\]\([^()\s]*+(?:\([^()\s]*+\)[^()\s]*+)?(?:[ \t]\"[^\"{_LINE}]*+\")?\)"
)
EMPHASIS = (
    r"(?:-{3,}+|={3,}+|_{3,}+)|\|++|~~"
    r"|(?<![\w*])\*{1,3}+(?=\S)|(?<=[^\s*])\*{1,3}+(?![\w*])"
    r"|(?<!\w)_{1,3}+(?=[^\W_])|(?<=[^\W_])_{1,3}+(?!\w)"
)
BULLET = r"#{1,6}+(?=[ \t])|>{1,4}+(?=[ \t])|[-*+](?=[ \t])"

IDENTIFIER = (
    rf"(?<!{_W})(?:[0-9a-fA-F]{{8}}-(?:[0-9a-fA-F]{{4}}-){{3}}[0-9a-fA-F]{{12}}|0[xX][0-9a-fA-F]++"
    r"|(?<!:)(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}|(?<!:)(?:[0-9a-fA-F]{0,4}:){3,7}[0-9a-fA-F]{1,4}(?!:)"
    r"|10\.\d{4,9}/[^\s<>\"“”]*[A-Za-z0-9]"
    r"|[A-Za-z0-9]++(?:_[A-Za-z0-9]++)++"
    r"|(?=[A-Za-z0-9]{6})(?:[A-Za-z]++\d++[A-Za-z]++\d[A-Za-z0-9]*+|[A-Za-z]++\d{3,}+[A-Za-z0-9]*+"
    rf"|(?!\d++x\d++(?![A-Za-z]))\d++[A-Za-z]++\d[A-Za-z0-9]*+))(?!{_W})"
)
PHONE = rf"(?<![\w)])\+\d[\d (){_NBSP}./-]{{5,20}}\d(?!\w)"
HASHTAG = r"(?<![\w&#/])#(?!\d)\w++"
MENTION = r"(?<![\w.@])@[A-Za-z0-9_]\w*+(?:[.-]\w++)*+"

_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_THOUSANDS = r"\d{1,3}(?:\.\d{3}){2,8}(?!\.?\d)"
VERSION = (
    rf"(?<!{_W})(?<!\d\.)(?:(?:{_OCTET}\.){{3}}{_OCTET}(?!\.?\d)(?::\d{{2,5}}+|/\d{{1,2}}+)?"
    rf"|(?!{_THOUSANDS})\d++(?:\.\d++){{2,}}+(?:[-+][0-9A-Za-z]++(?:\.[0-9A-Za-z]++)*+)?"
    rf"|[vV]\d++(?:\.\d++)*+(?:[-+][0-9A-Za-z]++(?:\.[0-9A-Za-z]++)*+)?)(?!{_W})"
)
DOTTED_DATE = rf"(?<!{_W})(?<!\d\.)\d{{1,2}}\.\d{{1,2}}\.(?:\d{{4}}|\d{{2}})(?!\.?\d)(?!{_W})"
TIMESTAMP = (
    rf"(?<!{_W})\d{{4}}-\d{{2}}-\d{{2}}T\d{{2}}:\d{{2}}(?::\d{{2}}(?:[.,]\d{{1,9}})?)?(?:Z|[-+]\d{{2}}:?\d{{2}})?"
    rf"(?!{_W})"
)

_END = r"(?!\d|[.,]\d)"
NUMERAL = (
    rf"(?>\d{{0,9}}+[{FRACTIONS}]"
    rf"|\d{{1,3}}(?:,\d{{3}}){{1,8}}(?:\.\d++)?{_END}|\d{{1,3}}(?:\.\d{{3}}){{1,8}}(?:,\d++)?{_END}"
    rf"|\d{{1,3}}(?:['’]\d{{3}}){{1,8}}(?:[.,]\d++)?{_END}"
    rf"|\d{{1,3}}(?:[{_NBSP}]\d{{3}}){{1,8}}(?:[.,]\d++)?{_END}"
    rf"|\d{{1,3}}(?: \d{{3}}){{1,8}}(?:[.,]\d++)?{_END}"
    rf"|\d{{1,2}}(?:,\d{{2}}){{1,6}},\d{{3}}(?:\.\d++)?{_END}"
    rf"|(?<!\d[.,])\d++[.,]\d++(?![.,]\d)|\d++)"
)
"""A number as it is written, without sign and unit: 1,234.5 or 1.234,5 or 1 234,5 or 1½."""
_SYMBOLS = r"€£¥₹₽₩₺₴₫₪₱₦฿¢"
_UNITS = (
    "kg g mg µg t km m cm mm nm µm l L ml mL dl cl ha B kB KB MB GB TB PB Hz kHz MHz GHz W kW MW GW kWh "
    "mAh V mV kV A mA Pa hPa kPa bar J kJ cal kcal ms min h px pt em rem dpi fps bps kbps Mbps Gbps "
    "km/h m/s mph ft lb lbs oz mi yd k K M bn x dB °C °F ° ′ ″ km² m² cm² km2 m2 cm2 m³ m3 cm³"
)
_UNIT = "|".join(sorted(_UNITS.split(), key=len, reverse=True))
_HALF_DAY = rf"[ {_NBSP}]?(?:[ap]m|[AP]M|[ap]\.m\.|[AP]\.M\.)(?!{_W})"
NUMBER = (
    rf"(?:(?<![\w)\]}}%])[-−+±])?(?<!{_W})(?:(?:[A-Z]{{0,3}}\$|[{_SYMBOLS}])[ {_NBSP}]?[-−]?)?"
    rf"(?:(?<![\w.])\.\d++|\d{{1,2}}h\d{{2}}(?!{_W})|{NUMERAL}(?:[-–/:x×]\d++(?:[.,]\d++){{0,8}}+){{0,8}})"
    rf"(?:[eE][-+]?\d{{1,4}}+)?[⁰¹²³⁴-⁹⁻]*+"
    rf"(?:{_HALF_DAY}|[ {_NBSP}]?[%‰](?![A-Za-z({{%])|[ {_NBSP}]?[{_SYMBOLS}](?!\d)|\$(?![\w{{])"
    rf"|[ {_NBSP}]?(?:zł|Kč)(?!{_W})|(?:{_UNIT})(?!{_W}))?(?:(?!{_W})|(?={_L}{{1,4}}(?!{_W})))"
)
TICKET = r"(?<![\w&#])#\d++(?!\w)"

_WORD = rf"(?<!{_L}){_L}++(?=[\s,;!?]|$)"
"""Most of a text; first, so that no other expression is tried on it."""
_REPEATED = r"<+(?=<)|&+(?=&)|@+(?=@)|#+(?=#)|\$+(?=\$)|\{+(?=\{\{)|\[+(?=\[)|\.+(?=\.\.)|~+(?=~~)|\*{4,}+"
"""All but the last of a run, which alone can begin a span."""


class Alternative(NamedTuple):
    """An expression of the list.

    Attributes:
        name: of its group.
        first: the characters that it can begin with, as in a character class.
        expression: what it matches.
    """

    name: str
    first: str
    expression: str


_WORDS = f"{_NAME}"
_NUMBERS = rf"\d.+A-Z$−±{FRACTIONS}{_SYMBOLS}-"

ALTERNATIVES = (
    Alternative("emoji", rf"0-9#*{_EMOJI_BASE}\u00a9\u00ae\u2122\u2139\u2190-\u21ff\u25a0-\u25ff", EMOJI),
    Alternative("private", f"{FIRST_MARK}-{LAST_MARK}", f"[{FIRST_MARK}-{LAST_MARK}]"),
    Alternative("url", _WORDS, URL),
    Alternative("email", _WORDS, EMAIL),
    Alternative("drive", _WORDS, DRIVE),
    Alternative("file", _WORDS, FILE),
    Alternative("domain", _WORDS, DOMAIN),
    Alternative("timestamp", _WORDS, TIMESTAMP),
    Alternative("identifier", _WORDS, IDENTIFIER),
    Alternative("date", _WORDS, DOTTED_DATE),
    Alternative("version", _WORDS, VERSION),
    Alternative("path", r".~/\\", PATH),
    Alternative("code", "`", CODE),
    Alternative("tag", "<", TAG),
    Alternative("entity", "&", ENTITY),
    Alternative("braces", "{$#%", BRACES),
    Alternative("printf", "%", PRINTF),
    Alternative("link", r"!\[\]", LINK),
    Alternative("ticket", "#", TICKET),
    Alternative("phone", r"+", PHONE),
    Alternative("number", _NUMBERS, NUMBER),
    Alternative("variable", "$", VARIABLE),
    Alternative("hashtag", "#", HASHTAG),
    Alternative("mention", "@", MENTION),
    Alternative("escape", r"\\", ESCAPE),
    Alternative("emphasis", r"=_|~*-", EMPHASIS),
)


def _any_of(alternatives: Iterable[Alternative]) -> str:
    """All in order; a look at the first character spares those that cannot begin with it."""
    groups = groupby(alternatives, key=lambda alternative: alternative.first)
    return "|".join(
        f"(?=[{first}])(?:" + "|".join(f"(?P<{one.name}>{one.expression})" for one in same) + ")"
        for first, same in groups
    )


@cache
def any_span() -> re.Pattern[str]:
    """All expressions: leftmost first, then in order; `lastgroup` is the name.

    A bullet's match starts with its indentation. It takes tens of milliseconds to compile, so only the first
    text with a sign of a span pays for it.
    """
    return re.compile(
        rf"(?m:^)[ \t]*+(?P<bullet>{BULLET})|(?P<word>{_WORD}|{_REPEATED})|{_any_of(ALTERNATIVES)}"
    )


SIGNS_OF_SPANS = re.compile(
    rf"[\d@<{{%$&#*_~`|\\/\[+{FIRST_MARK}-{LAST_MARK}{_EMOJI_BASE}{FRACTIONS}\ufe0f]"
    rf"|\w\.\w|://|---|===|^[ \t]*[->]|mailto:|[{_SYMBOLS}]",
    re.MULTILINE,
)
"""A text without any of these has no span."""
