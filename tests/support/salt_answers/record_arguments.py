"""Record what Salt makes of words of a command line.

By hand, with the Python of an environment that has Salt 3008 in it::

    python tests/support/salt_answers/record_arguments.py

writes ``arguments.json`` beside it: ``{"texts": [words that stay as they are], "values": {word: answer}}``, where an
answer is the ``repr`` of what ``parse_input([word])`` returns.
"""

# ruff: noqa: E501

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

import salt.utils.args

SCALARS = """
0 1 -1 +1 12 007 0644 0755 08 09 00 000 0.0 -0 +0 -0644 +0644 1_000 1_0.5 _1 1_ 0_1 -1_000 0x1F 0x1f 0X1F 0xG 0x 0b101
0b2 0b 0o644 0o7 1.0 .5 5. -.5 +.5 -1.5 1.5e+3 1.5e-3 1.5e3 1.5E+3 1e3 1E3 1.0e3 1e+3 1e-3 1.e+3 .inf -.inf +.inf .Inf
.INF .nan .NaN .NAN inf nan NaN Infinity 1,000 1.2.3 1.2.3.4 127.0.0.1 10.0.0.0/8 ::1 2001:db8::1 fe80::1%eth0 1:2 12:30
12:30:45 100:00:01 1:60 0:30 00:30 -1:30 1:2:3:4 12:30.5 190:20:30.15 99:99 12:3 2026-01-31 2026-1-1 2026-01-31T10:00:00
2026-01-31T10:00:00Z 2026-13-45 20260131 20260131101112123456 12345678901234567890 18446744073709551615
18446744073709551616 -9223372036854775808 -9223372036854775809 9223372036854775807 99999999999999999999
100000000000000000000 1234567890123456789 12345678901234567890123 -1234567890123456789 -12345678901234567890
00000000000000000012 00000000000000000000 0xffffffffffffffff 0xfffffffffffffffff true True TRUE tRue false False FALSE
yes Yes YES no No NO on On ON off Off OFF y Y n N null Null NULL nUll ~ None none NONE nil '' "" ' " '1' "1" 'true' "yes"
'a''b' "a\\nb" "a\\x41" "\\u00e9" "\\q" 'a "a a' a" 'a'b "a"b '#' "#" "a#b" 'a #b' # #a a#b a#1 ! !! !a !tag !!int !!str
!!str1 !!null !!bool !!float & &a &a1 * *a | |- |+ > >- >+ >a |a % %a %d @ @a ` `a` - -- ? : , . .. ... --- ---- .a a. : a:
:a a:b http://x/ http://x:80/a?b=1 C:\\x [ ] { } [] {} [a] [a,b] [a,,b] [,] [a,] [1] [1,2] [[1],[2]] [[]] [{}] {a} {a,b}
{a:1} {a:b} {1:2} {a:} {} {{a}} {{ {a [a a] a} [a]b {a}b [a][b] ['a'] ["a","b"] [a:b] [None] [null] [~] [yes] [no] [0644]
[1_000] [0x1F] [12:30] [1e3] [1.5] [2026-01-31] {a:[b]} = a= =a a=b a==b a=== a=b=c 1a=b _a=1 a1=2 a.b=1 a-b=1 a.b-c=1
-a=1 .a=1 ä=1 äö=ü 名=1 a,b=1 a:b=1 a[0]=1 a/b=1 k=1 k=0644 k=true k=None k=null k= k=~ k='1' k="a" k=[1] k={a:1} k=a=b
k=#a k=a#b k=1e3 k=12:30 k=-1 k=--x k=! k=| k=> k=& k=*a k=12345678901234567890 k=20260131101112123456 k=1_000 k=2026-01-31
k=[2026-01-31] k=[None] k=--- k=... k=%a k=@a __kwarg__ __pub_x=1 _=1 <<=1 << * web* web? [!a] [a-z]* ^a$ a|b (a) a;b a&b
a&&b >file 2>&1 $HOME ${HOME} \\ \\n \\\\ /etc/passwd ~/x ~x a~ é ü€ 日本 😀 a\u00a0b \u2028 \ufeff \x7f \x01 \x1b[0m !!int0
!!python/none !!python/tuple !!binary aGk= !!set {? !!omap !!timestamp
""".split()  # noqa: SIM905

PHRASES = [
    "", " ", "  ", "\t", "\n", " a", "a ", " a b ", " 1", "1 ", " 1 ", " true ", " None", "None ", " ---", "--- ",
    "--- a", "--- 1", "... ", "a\tb", "a\nb", "a\rb", "1\n", "\n1", "k=1\n", "k=a\nb", "k=\n", "a=b\n", "a b=c",
    "a: b", "a: 1", "a : b", "a :b", "- a", "- - a", "-a", "- 1", "? a", "? a : b", ": b", "a: b: c", "{a: 1}", " {a: 1}",
    "{a: 1} ", "{a: 1, b: [x, {c: d}]}", "{a: 1, a: 2}", "{a: {b: {c: 1}}}", "{'a b': 1}", '{"a": 1}', '{"a": "b"}',
    '{"a":1}', '{"a":"b","c":[1,2]}', '{"a": null, "b": true}', "{a: None}", "{1: 2, 2: 3}", "{null: 1}", "{true: 1}",
    "{1.5: a}", "{a: }", "{a: , b: }", "{a, b: 1}", "{[a]: b}", "{? a : b}", "{a: 2026-01-31}", "{2026-01-31: a}",
    "{a: !!binary aGk=}", "{a: 0644, b: 1_000, c: 1e3}", "{a: 'x', b: \"y\"}", "{a: b} c", "{a: b}, {c: d}", "{{ x }}",
    "{% if x %}", "{a: #b}", "{a: b #c", "{a: b} #c", "{a: b}#c", "[a, b]", " [a, b]", "[a, b] ", "[a, 'b c', \"d\"]",
    "[a b, c d]", "[1, 1.5, true, null, ~, None, yes]", "[[a, [b, [c]]]]", "[{a: 1}, {b: 2}]", "[a: 1, b: 2]", "[a, b",
    "a, b]", "[a, b]]", "[2026-01-31, 2026-01-31 10:00:00]", "[!!binary aGk=]", "[a #b]", "[a] #b", "[#a", "[a, #b",
    "['#a', b]", "[&a x, *a]", "[*a]", "{a: &x 1, b: *x}", "{<<: {a: 1}, b: 2}", "{<<: {a: 1}, a: 2}",
    "{<<: [{a: 1}, {b: 2}]}", "{<<: [{a: 1}, {a: 2}]}", "{<<: 1}", "[<<]", "[=]", "{=: 1}", "&a [*a]", "&a {a: *a}",
    "&a b", "& a", "* a", "! a", "!a b", "!!int 5", "!!int '5'", "!!int a", "!!str 5", "!!str true", "!!str", "!!bool yes",
    "!!bool maybe", "!!float 5", "!!float '1.5'", "!!null ''", "!!null x", "!!binary aGk=", "!!binary aGk", "!!set {a, b}",
    "!!omap [a: 1]", "!!pairs [a: 1]", "!!map {a: 1}", "!!seq [a]", "!!timestamp 2026-01-31", "!!timestamp a",
    "!!python/object/apply:os.system [id]", "!!python/str a", "!!python/unicode a", "!<tag:yaml.org,2002:int> 5", "! 5",
    "| a", "> a", "> ", "| ", ">\u00a0", "# a", " # a", "a # b", "1 # b", "1 #b", "1#b", "true # x", "null # x", "~ # x",
    "None # x", "[a] # x", "{a: 1} # x", "a: 1 # x", "- a # x", "'a' # x", "'1' # x", "1.5 # x", "2026-01-31 # x", "# 1",
    "12:30 # x", "0644 # x", "1_000 # x", "!!set {a} # x", "!!binary aGk= # x", "%TAG ! tag:x,2000:", "%YAML 1.1",
    "%YAML 1.1 --- a", "@ a", "` a`", "a ` b", "a @ b", "a % b", "a & b", "a * b", "a ! b", "a | b", "a > b", "a - b",
    "- ", "-  a", "--- - a", "? ", ": ", "a:", "a: ", "a:  b", "'a': b", "\"a\": b", "'a' b", "\"a\" b", "'a' 'b'",
    "'a", "a'", "''", "''''", "'''", '""', '"a\\', '"\\', '"\\t"', '"\\0"', '"\\xZZ"', '"\\u00e9"', '"\\U0001f600"',
    "'\\n'", "df -h", "df -h | grep x=1", "x=1 y=2", "x = 1", "x= 1", "x =1", "x=[1, 2]", "x={a: 1}", "x={'a': 'b c'}",
    "x=a b c", "x='a b'", "x=\"a b\"", "x= ", "x=  a ", "x=\t", "x=a\tb", "x=a: b", "x=- a", "x=# a", "x=a # b",
    "x=1 # b", "x==1", "x= =1", "x=\u00e9", "x=True False", "x=2026-01-31 10:00:00", "x=[a, b", "x=1 2", "x=!!int '5'",
    "2026-01-31 10:00:00", "2026-01-31 10:00:00.5 +01:00", "2026-01-31 10:00", "10:00 am", "1 2", "1 a", "true false",
    "a=b c=d", "Hello, world", "Hello: world", "it's", "\"it's\"", "'it''s'", "a \"b\" c", "rm -rf /", "echo '#!/bin/sh'",
    "#!/bin/sh", "if [ -f x ]; then y; fi", "[ -f x ]", "[[ -f x ]]", "{ echo a; }", "{ a }", "[ a ]", "( a )",
    "awk '{print $1}'", "{print $1}", "sed -e 's/a/b/'", "G@os:Debian and web*", "S@10.0.0.0/8", "L@a,b", "salt://a/b",
    "salt://a?saltenv=x", "a@b.c", "user:group", "user: group", "0:0", "0: 0", "0.5:1", "1:30 2:30", "+12:30", "1:30:",
]  # fmt: skip

PIECES = ["a", "1", "0", "_", ".", ":", "-", "+", "e", "x", " ", "#", "'", '"', "[", "]", "{", "}", ",", "=", "!", "&",
          "*", "|", ">", "?", "~", "%", "@", "true", "None", "null", "07", "12:30", ": ", "- ", " #", "\\", "\n"]  # fmt: skip
GENERATED = 1500


def words() -> list[str]:
    """Return the words, each once."""
    chance = random.Random(7)
    generated = ["".join(chance.choices(PIECES, k=chance.randint(2, 6))) for _ in range(GENERATED)]
    numbers = [
        f"{sign}{digits}{rest}"
        for sign, digits, rest in itertools.product(
            ("", "-", "+"),
            ("0", "5", "05", "10"),
            ("", ".", ".5", "e3", ".e+3", ".5e3", ".5e-3", ":5", ":05:5", "_0", "x"),
        )
    ]
    return list(dict.fromkeys([*SCALARS, *PHRASES, *numbers, *generated]))


def main() -> None:
    """Ask Salt, and write the file."""
    texts, values = [], {}
    for word in words():
        try:
            answer = salt.utils.args.parse_input([word])
        except RecursionError:
            continue
        if answer == [word]:
            texts.append(word)
        else:
            values[word] = repr(answer)
    path = Path(__file__).parent / "arguments.json"
    path.write_text(json.dumps({"texts": texts, "values": values}, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(len(texts) + len(values), "words,", path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
