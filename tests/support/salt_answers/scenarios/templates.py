"""What Jinja templates come to: filters, tags, settings, context."""

from __future__ import annotations

from scenario import Scenario, kw, label

TEXTS = (
    "{{ 1 + 1 }}",
    "a\n\n",
    "{{ 'yes'|to_bool }} {{ 'no'|to_bool }} {{ 1|to_bool }} {{ none|to_bool }} {{ [1]|to_bool }} {{ []|to_bool }}",
    "{{ [True, False, 1]|exactly_n_true(2) }} {{ [True, False]|exactly_one_true }} {{ [0, '']|exactly_n_true(0) }}",
    "{{ 'a b'|quote }} {{ 'a'|quote }} {{ \"it's\"|quote }}",
    "{{ 'abcd'|regex_search('^(.*)BC(.*)$', ignorecase=True) }} {{ 'abcd'|regex_search('b') }}",
    "{{ 'abcd'|regex_search('x') }} {{ 'abcd'|regex_match('(b)') }} {{ 'abcd'|regex_match('(a)') }}",
    "{{ 'lets replace spaces'|regex_replace('\\\\s+', '__') }} {{ 'aB'|regex_replace('b', 'x', ignorecase=True) }}",
    "{{ 'a.b*c'|regex_escape }}",
    "{{ 'random'|uuid }}",
    "{{ [3, 1, 3]|unique }} {{ [1, [2], [2]]|unique }}",
    "{{ [1, 2, 3]|avg }} {{ 4|avg }}",
    "{{ [1, 2]|union([2, 3]) }} {{ [1, 2]|intersect([2, 3]) }} {{ [1, 2]|difference([2, 3]) }}",
    "{{ [1, 2, 3]|symmetric_difference([2, 3, 4]) }} {{ (1, 2)|union((2, 3))|sort }}",
    "{{ 'foo'|sequence }} {{ ['foo']|sequence }} {{ {'a': 1}|sequence }} {{ 5|sequence }}",
    "{{ [1, 2]|is_list }} {{ 'a'|is_list }} {{ [1]|is_iter }} {{ 'abc'|is_iter }} {{ {}|is_iter }} {{ 1|is_iter }}",
    "{{ [1, 2] is list }} {{ 'ab' is match('A', ignorecase=True) }} {{ 1 is equalto(1) }} {{ 'ab' is match('b') }}",
    "{{ 1457456400|strftime('%Y') }} {{ '1040814000'|strftime('%m-%Y') }} {{ '1'|date_format }}",
    "{{ {'a': {'b': [{'c': 1}, 5]}}|traverse('a:b:c') }} {{ {'a': [1, 2]}|traverse('a:1') }}",
    "{{ {'a': 1}|traverse('b', 'no') }} {{ {5: 'x'}|traverse('5') }} {{ {'a': {'b': 1}}|traverse('a|b', 0, '|') }}",
    "{{ '3.5'|to_num }} {{ '3'|to_num + 1 }} {{ 'x'|str_to_num }}",
    "{{ '0xabcd'|is_hex }} {{ 'xyz'|is_hex }} {{ 1|is_hex }}",
    "{{ 'a b'|contains_whitespace }} {{ 'ab'|contains_whitespace }}",
    "{{ '4 MB'|human_to_bytes }} {{ '1.5K'|human_to_bytes }} {{ 'x'|human_to_bytes }} {{ 7|human_to_bytes }}",
    "{{ '2GB'|human_to_bytes(handle_metric=True) }} {{ '2'|human_to_bytes('KiB') }} {{ '1 parsec'|human_to_bytes }}",
    "{{ 'CamelCase'|to_snake_case }} {{ 'camelsWillLoveThis'|to_snake_case }} {{ 'HTTPServer'|to_snake_case }}",
    "{{ 'aBC'|to_snake_case }} {{ 'snake_case_for_the_win'|to_camelcase }} {{ 'a_b'|to_camelcase(uppercamel=True) }}",
    "{{ 'foo'|check_whitelist_blacklist(whitelist=['f*'], blacklist=['b*']) }} "
    "{{ 'foo'|check_whitelist_blacklist(blacklist='f.*') }} {{ 'foo'|check_whitelist_blacklist }}",
    "{{ 'a\"b\\nc'|yaml_dquote }} {{ \"it's\"|yaml_squote }}",
    "{{ 'a'|yaml_encode }} {{ 1|yaml_encode }} {{ True|yaml_encode }} {{ none|yaml_encode }} {{ 1.5|yaml_encode }}",
    "{{ {'b': 1, 'a': [1, {'c': 'x: y'}]}|yaml }} {{ {'b': [1], 'a': none}|yaml(False) }} {{ 'a'|yaml }} {{ 5|yaml }}",
    "{{ {'b': 1, 'a': [true, none, 'ü']}|json }}\n{{ {'a': [1]}|json(indent=2) }}\n{{ 'x'|json }}",
    "{{ {'a': '<b>&\\'ü'}|tojson }} {{ [1]|tojson(indent=1) }}",
    "{{ {'a': [1, 'b']}|python }}",
    "{{ {'root': {'id': 'x', 'b': {'c': 1}}}|xml }}",
    "{{ {'x': [1, 2], 'y': 'z'}|dict_to_sls_yaml_params }}",
    "{{ '{a: [1, 2]}'|load_yaml }} {{ '[1]'|load_json }} {{ 'a'|load_text }}",
    "{{ 'ab'|combinations(2)|list }} {{ [1, 2]|permutations|list }} {{ [1, 2]|zip(['a', 'b'])|list }}",
    "{{ [1, 2]|product([3])|list }} {{ 'AB'|compress([1, 0])|list }} {{ [1]|zip_longest([2, 3])|list }}",
    "{{ [1, [2, [none, 3]]]|flatten }} {{ [1, [2, [3]]]|flatten(levels=1) }}"
    " {{ [none, 1]|flatten(preserve_nulls=True) }}",
    "{{ 'string'|substring_in_list(['this', 'is', 'my string']) }} {{ ['B', 'a']|sorted_ignorecase }}",
    "{{ {'a': 1}|compare_dicts({'a': 2}) }} {{ {'a': 1}|compare_dicts({'b': 1})|dictsort }}",
    "{{ [1, 2]|compare_lists([1, 3]) }}",
    "{{ {'a': 1}|to_entries }} {{ ['x']|to_entries }}"
    " {{ [{'key': 'a', 'value': 1}, {'Name': 'b', 'Value': 2}]|from_entries }}",
    "{{ {}|set_dict_key_value('a:b', 1) }} {{ {'a': [1]}|append_dict_key_value('a', 2) }}",
    "{{ {'a': [1]}|extend_dict_key_value('a', [2, 3]) }}"
    " {{ {}|update_dict_key_value('a/b', {'c': 1}, delimiter='/') }}",
    "{{ 'get salted'|md5 }} {{ 'get salted'|sha1 }} {{ 'get salted'|sha256 }}",
    "{{ 'get salted'|sha512 }} {{ 'get salted'|base64_encode }} {{ 'Z2V0IHNhbHRlZA=='|base64_decode }}",
    "{{ 'get salted'|hmac('shared secret', 'eBWf9bstXg+NiP5AOwppB5HMvZiYMPzEM9W5YMm/AmQ=') }}",
    "{{ 'get salted'|hmac_compute('shared secret') }} {{ 32|random_str|length }} {{ 9|random_hash('sha1')|length }}",
    "{{ '{dir}/roots/a.txt'|file_hashsum }} {{ '{dir}/roots/a.txt'|file_hashsum('md5') }}",
    "{{ '192.168.0.1'|is_ip }} {{ 'x'|is_ip }} {{ '10.0.0.1'|is_ipv4 }}"
    " {{ 'fe80::'|is_ipv6 }} {{ '10.0.0.1'|is_ipv6 }}",
    "{{ '192.168.0.1'|is_ip(options='public') }} {{ '10.0.0.1'|is_ipv4(options='private') }}",
    "{{ ['192.168.0.1', 'foo', '2001:db8::1']|ipaddr }} {{ ['192.168.0.1', 'fe80::1']|ipv4 }} {{ 'fe80::1'|ipv6 }}",
    "{{ ['10.0.0.1', '8.8.8.8', '127.0.0.1']|ipv4(options='global') }} {{ 'foo'|ipaddr }} {{ 5|ipaddr }}",
    "{{ '192.168.0.12/28'|ip_host }} {{ ['192.168.0.12/28', 'fe80::1/64']|ip_host }} {{ '10.0.0.0/30'|network_hosts }}",
    "{{ '192.168.0.1/30'|network_size }} {{ ['10.0.0.0/24', 'x']|network_size }} {{ 'x'|network_hosts }}",
    "{{ ['10.0.0.1', '10.1.0.1']|filter_by_networks(['10.0.0.0/24']) }}"
    " {{ {'a': ['10.0.0.1']}|filter_by_networks(['10.0.0.0/8']) }}",
    "{{ '2001:db8::1'|ipwrap }} {{ '10.0.0.1'|ipwrap }} {{ ['fe80::1', 'x']|ipwrap }} {{ 'AC:DE:48'|gen_mac|length }}",
    "{{ 'AC:DE:48:00:00:01'|mac_str_to_bytes }}",
    "{{ '/a/b/'|path_join('c', '/d') }} {{ 'a'|path_join }} {{ '/nowhere'|which }} {{ 'sh'|which is none }}",
    "{{ '{dir}/roots/empty'|is_empty }} {{ '{dir}/roots/a.txt'|is_text_file }} {{ '{dir}/roots/bin'|is_bin_file }}",
    "{{ '{dir}/roots/sub'|list_files|sort }} {{ 'root'|get_uid }} {{ 'nobody-here'|get_uid }}",
    "{{ 'a'|skip }}|{{ 'abc'|method_call('upper') }}"
    " {{ 'abc'|method_call('nope') }} {{ 'a-b'|method_call('split', '-') }}",
    "{{ ['+---+---+', '| a | b |', '+---+---+', '| 1 | x |']|mysql_to_dict('a') }}",
    "{{ {'a': 'b'}|json_encode_dict }} {{ ['a']|json_encode_list }} {{ 'ü'|to_bytes }}",
    "{{ [1, 2, 3]|random_sample(2, seed='five') }}"
    " {{ [1, 2, 3]|random_shuffle(seed='x') }} {{ [3, 1]|min }} {{ [3, 1]|max }}",
    "{{ {'a': {'b': 'x\ny'}, 'l': [{'c': 'z'}]} }} {{ odict([('b', 1), ('a', 2)]) }}",
    "{% do [].append(1) %}{% for i in range(5) %}{% if i == 2 %}"
    "{% continue %}{% elif i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% load_yaml as x %}\na: 1\nb: [2, '3']\n{% endload %}{{ x.b[1] }}{{ x }}",
    '{% load_json as x %}{"a": [1]}{% endload %}{{ x }}',
    "{% load_text as x %}some\ntext{% endload %}<{{ x }}>",
    "{% import_yaml 'values.yaml' as v %}{{ v }}",
    "{% import_json 'values.json' as v %}{{ v.a }}",
    "{% import_text 'a.txt' as v %}{{ v }}",
    "{% from 'map.jinja' import port, tag with context %}{{ tag(port) }} {{ grains.town }}",
    "{% import 'sub/inner.jinja' as i %}{{ i.v }} {% include 'sub/part.jinja' %}",
    "{% set a = 1 %}\n{% if a %}\n  x\n{% endif %}\ny\n",
    '#jinja2: {"trim_blocks": true, "lstrip_blocks": true}\n{% if true %}\n  x\n  {% endif %}\ny\n',
    "{{ salt['test.echo']('hi') }} {{ salt.test.echo('ho') }} {{ pillar.site }} {{ opts.id }} {{ saltenv }}",
    "{{ salt['pillar.get']('site:town', 'none') }} {{ salt['grains.get']('town') }} {{ grains['town'] }}",
    "{{ tplfile }} {{ tpldir }} {{ sls }} {{ slspath }} {{ tplpath }}",
    "{% raw %}{{ x }}{% endraw %}{# comment #}{%- if true -%} z {%- endif %}",
    "{{ 'a\nb'|indent(2) }} {{ ['a', 'b']|join('-') }} {{ 'A'|lower }} {{ x|default('d') }}",
)

FAULTS = (
    "{{ {'a': 1}|append_dict_key_value('a', 2) }}",
    "{{ {'a': {}}|update_dict_key_value('a', 5) }}",
    "{{ undefined_thing }}",
    "a\n{{ x.y }}",
    "{% if %}",
    "{{ 'a'|nofilter }}",
    "{{ ''.__class__ }}",
    "{{ salt['test.nope']() }}",
    "{% load_yaml as x %}\na: [\n{% endload %}",
)
YAML_FAULTS = ("a: 1\na: 2", "a: [1", "{{ x }}: 1", "a: b: c")


SCENARIOS = {
    "jinja": Scenario(
        files={
            "roots/a.txt": "some text\n",
            "roots/empty": "",
            "roots/bin": b"\x00\x01\x02\xff",
            "roots/sub/one": "1",
            "roots/values.yaml": "ports: [80, 443]\nname: x\n",
            "roots/values.json": '{"a": [1, 2]}',
            "roots/map.jinja": "{% set port = 80 %}{% macro tag(x) %}<{{ x }}>{% endmacro %}",
            "roots/sub/inner.jinja": "{% set v = 'inner' %}",
            "roots/sub/part.jinja": "part of {{ grains.town }}",
        },
        grains={"town": "ulm"},
        pillar={"site": {"town": "bonn"}},
        calls=tuple(("slsutil.renderer", kw(string=text, default_renderer="jinja")) for text in (*TEXTS, *FAULTS)),
        tree=False,
    ),
    "renderers": Scenario(
        files={
            "roots/one.yaml": "a: {{ 1 + 1 }}\nb: [x]\n",
            "roots/none.yaml": "",
            "roots/blank.yaml": "  \n",
            "plain.yaml": "c: {{ saltenv }}\n",
        },
        calls=(
            ("slsutil.renderer", kw(string="a: {{ 1 + 1 }}\nb: 0755\nc: 2001-01-01\nd: on\n")),
            ("slsutil.renderer", kw(string="#!yaml\na: 1\n")),
            ("slsutil.renderer", kw(string='#!jinja|json\n{"a": {{ 1 }} }', default_renderer="yaml")),
            ("slsutil.renderer", kw(string='{"a": 1}', default_renderer="json")),
            ("slsutil.renderer", kw(string="x {{ what }}", default_renderer="jinja", what="here")),
            ("slsutil.renderer", kw(string="x {{ what }}", default_renderer="jinja", context={"what": "there"})),
            ("slsutil.renderer", kw(string="a: 1", default_renderer="nonesuch")),
            ("slsutil.renderer", kw(string="a: 1", default_renderer="jinja|nonesuch")),
            *(("slsutil.renderer", kw(string=text)) for text in YAML_FAULTS),
            ("slsutil.renderer", kw(string="- 1\n- {a: b}")),
            ("slsutil.renderer", kw(string="text")),
            ("slsutil.renderer", kw(string="~")),
            ("slsutil.renderer", kw(string="!!binary aGk=")),
            ("slsutil.renderer", kw(string="a: &x {b: 1}\nc:\n  <<: *x\n  d: 2")),
            ("slsutil.renderer", kw(string="#!/bin/sh\necho {{ 1 }}", default_renderer="jinja")),
            ("slsutil.renderer", "salt://one.yaml"),
            ("slsutil.renderer", "salt://none.yaml"),
            ("slsutil.renderer", "salt://blank.yaml"),
            ("slsutil.renderer", "{dir}/plain.yaml"),
            ("slsutil.renderer", kw(string="{{ saltenv }}", default_renderer="jinja", saltenv="base")),
            ("slsutil.renderer",),
            ("slsutil.renderer", "a", "b"),
        ),
    ),
}

ONE_LINE = "a fault is one line, with the line's number; Salt shows the template around it"
DIFFERENT = {
    **{label(("slsutil.renderer", kw(string=text, default_renderer="jinja"))): ONE_LINE for text in FAULTS},
    **{label(("slsutil.renderer", kw(string=text))): ONE_LINE for text in YAML_FAULTS},
}
