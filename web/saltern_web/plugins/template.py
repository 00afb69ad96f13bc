"""``result.html`` of a plugin: a template of Django's with the words of ``template_words`` alone, always escaping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.template import Context, Engine, Template, TemplateSyntaxError
from django.template.base import Node
from django.utils.safestring import SafeString, mark_safe

from saltern_web.plugins.forms_file import said_of
from saltern_web.plugins.markup import clean_markup
from saltern_web.plugins.names import RESULT, PluginFault
from saltern_web.plugins.template_words import counted_pieces

MAX_BYTES = 128 * 1024


class _Engine(Engine):
    """One that knows no files and no libraries."""

    default_builtins = ["saltern_web.plugins.template_words"]  # noqa: RUF012  # as Django has it


_ENGINE = _Engine(dirs=[], app_dirs=False, debug=False, autoescape=True, loaders=[], string_if_invalid="")


def load_template(source: bytes) -> Template:
    """Return the template with this *source*. Raises ``PluginFault``: one line."""
    if len(source) > MAX_BYTES:
        raise PluginFault(f"{RESULT}: is over {MAX_BYTES:,} bytes: too large")
    try:
        template = _ENGINE.from_string(source.decode())
        for node in template.nodelist.get_nodes_by_type(Node):
            if not any(hasattr(node, name) for name in node.child_nodelists):
                vars(node)["render_annotated"] = counted_pieces(node.render_annotated)
        return template
    except UnicodeDecodeError:
        raise PluginFault(f"{RESULT}: is not text in UTF-8") from None
    except TemplateSyntaxError as error:
        raise PluginFault(f"{RESULT}: {' '.join(str(error).split())[:300]}") from None
    except RecursionError:
        raise PluginFault(f"{RESULT}: is nested too deeply") from None


def render_result(template: Template, given: Mapping[str, Any]) -> SafeString:
    """Return the HTML of one result. Raises ``PluginFault`` whatever goes wrong in it."""
    try:
        made = template.render(Context(dict(given), autoescape=True, use_l10n=False, use_tz=True))
        return mark_safe(clean_markup(made))  # noqa: S308  # made anew, of what may be in a page
    except PluginFault as error:
        raise PluginFault(f"{RESULT}: {error}") from None
    except Exception as error:
        raise PluginFault(f"{RESULT}: {said_of(error, '')}") from None
