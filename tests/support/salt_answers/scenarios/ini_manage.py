"""What ``ini``'s functions come to, and what they leave in files."""

from __future__ import annotations

from scenario import Scenario, kw, label

FILE = """# a comment at the top
top = 1
other=  two words

[main]
; semicolons too
# colour = red
size = 10
long = one
    two
    three
empty =
nonsense

[second]
a=1
b = 2 \x20
url = http://x/?a=b

[ spaced ]
x = y
"""

SCENARIOS = {
    "reading": Scenario(
        files={"a.ini": FILE, "colon.conf": "[s]\na: 1\nb:2\n", "space.conf": "[s]\na 1\nb   two words\n", "none": ""},
        calls=(
            ("ini.get_ini", "{dir}/a.ini"),
            ("ini.get_ini", "{dir}/none"),
            ("ini.get_ini", "{dir}/missing"),
            ("ini.get_ini", "{dir}/colon.conf", ":"),
            ("ini.get_ini", "{dir}/space.conf", kw(separator=" ")),
            ("ini.get_ini", "{dir}/a.ini", kw(encoding="latin-1")),
            ("ini.get_section", "{dir}/a.ini", "main"),
            ("ini.get_section", "{dir}/a.ini", "second"),
            ("ini.get_section", "{dir}/a.ini", "nope"),
            ("ini.get_section", "{dir}/missing", "nope"),
            ("ini.get_section", "{dir}/a.ini", " spaced "),
            ("ini.get_option", "{dir}/a.ini", "main", "size"),
            ("ini.get_option", "{dir}/a.ini", "main", "long"),
            ("ini.get_option", "{dir}/a.ini", "main", "nope"),
            ("ini.get_option", "{dir}/a.ini", "nope", "size"),
            ("ini.get_option", "{dir}/a.ini", "", "top"),
            ("ini.get_option", "{dir}/a.ini", None, "other"),
            ("ini.get_option", "{dir}/a.ini", "top", "x"),
            ("ini.get_option", "{dir}/a.ini", "second", "url"),
            ("ini.get_option", "{dir}/missing", "a", "b"),
        ),
    ),
    "setting": Scenario(
        files=dict.fromkeys("abcdef", FILE),
        calls=(
            ("ini.set_option", "{dir}/a", {"main": {"size": 11, "new": "x"}}),
            ("ini.set_option", "{dir}/a", {"main": {"size": "11"}}),
            ("ini.set_option", "{dir}/a", {"fresh": {"k": "v", "n": None, "t": True}}),
            ("ini.set_option", "{dir}/b", {"top": "2", "added": "3"}),
            ("ini.set_option", "{dir}/b", {"main": {"colour": "blue"}}),
            ("ini.set_option", "{dir}/c", {"main": {"size": 1}}, kw(no_spaces=True)),
            ("ini.set_option", "{dir}/d", {}),
            ("ini.set_option", "{dir}/d"),
            ("ini.set_option", "{dir}/new.ini", {"s": {"a": 1}}),
            ("ini.set_option", "{dir}/new2.ini", {"a": 1}),
            ("ini.set_option", "{dir}/new3.ini", {"s": {"a": 1}}, kw(separator=":")),
            ("ini.set_option", "{dir}/new4.ini", {"s": {"a": 1}}, kw(separator=" ")),
            ("ini.set_option", "{dir}/new5.ini", {"s": {"a": "ü"}}, kw(encoding="utf-8")),
            ("ini.set_option", "{dir}/new6.ini", {"s": {"a": 1}, "t": {"b": "x y"}}, kw(no_spaces=True)),
            ("ini.set_option", "{dir}/no/such/folder.ini", {"s": {"a": 1}}),
            ("ini.get_ini", "{dir}/a"),
            ("ini.remove_option", "{dir}/e", "main", "size"),
            ("ini.remove_option", "{dir}/e", "main", "nope"),
            ("ini.remove_option", "{dir}/e", "", "top"),
            ("ini.remove_option", "{dir}/e", "nope", "x"),
            ("ini.remove_section", "{dir}/f", "second"),
            ("ini.remove_section", "{dir}/f", "nope"),
            ("ini.remove_section", "{dir}/missing", "nope"),
            ("ini.remove_option", "{dir}/missing", "a", "b"),
        ),
    ),
}

DIFFERENT = {
    label(("ini.set_option", "{dir}/no/such/folder.ini", {"s": {"a": 1}})): "names the folder that is missing",
}
