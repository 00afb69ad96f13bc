"""The form of a plugin: several plain forms and formsets under one roof, each by its name.

::

    class PluginForm(CompoundForm):
        action = SubForm(_ActionForm)
        services = SubForm(_ServiceFormSet, title="Services")

What it is filled in with is nested as JSON is: ``{"action": {"action": "start"}, "services": [{"name": "nginx"}]}``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any, ClassVar, cast

from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.forms import BaseForm
from django.forms.formsets import DELETION_FIELD_NAME, ORDERING_FIELD_NAME, BaseFormSet
from django.forms.utils import ErrorDict

MAX_BYTES = 64 * 1024
"""Of parameters, as JSON."""
OF_ROWS = {"too_few_forms": "Fill in %(num)d or more.", "too_many_forms": "Fill in %(num)d or fewer."}
"""Instead of Django's words, for which rows are forms."""


class SubForm:
    """A member of a ``CompoundForm``: a form's class, or that of a formset. What else is *given* is given to it."""

    def __init__(self, form_class: Any, title: str = "", **given: Any) -> None:
        if not (isinstance(form_class, type) and issubclass(form_class, BaseForm | BaseFormSet)):
            raise TypeError(f"SubForm({form_class!r:.60}): must be given a form's or a formset's class")
        self.form_class = form_class
        self.title = title
        self.given = given

    @property
    def is_formset(self) -> bool:
        """Whether it has rows."""
        return issubclass(self.form_class, BaseFormSet)


class Member:
    """One form, or formset, of a form that is shown or was sent."""

    def __init__(self, name: str, sub: SubForm, data: Any, initial: Any) -> None:
        self.name = name
        self.title = sub.title or name.replace("_", " ").capitalize()
        self.is_formset = sub.is_formset
        given = {**sub.given, **({"initial": initial} if initial else {})}
        self.form: Any = sub.form_class(data, prefix=name, **given)
        if sub.is_formset:
            said, of_django = cast(Any, self.form).error_messages, cast(Any, BaseFormSet).default_error_messages
            said.update({key: words for key, words in OF_ROWS.items() if said.get(key) is of_django[key]})

    def cleaned(self) -> Any:
        """Return its values: a map; of a formset a list of them, without rows that are empty or were struck out."""
        if not self.is_formset:
            return dict(self.form.cleaned_data)
        rows = self.form.ordered_forms if self.form.can_order else self.form.forms
        gone = set(map(id, self.form.deleted_forms)) if self.form.can_delete else set()
        own = (DELETION_FIELD_NAME, ORDERING_FIELD_NAME)
        kept = [row.cleaned_data for row in rows if id(row) not in gone and row.has_changed()]
        return [{key: value for key, value in row.items() if key not in own} for row in kept]


class CompoundForm:
    """To be derived from: its members are ``SubForm``\\ s, in the order in which they are written."""

    sub_forms: ClassVar[Mapping[str, SubForm]] = {}

    def __init_subclass__(cls) -> None:
        found: MutableMapping[str, SubForm] = dict(cls.sub_forms)
        for name, value in vars(cls).items():
            if isinstance(value, SubForm):
                found[name] = value
        cls.sub_forms = found

    def __init__(self, data: Any = None, initial: Mapping[str, Any] | None = None) -> None:
        """*data*: what was sent, as a ``QueryDict``; *initial*: parameters to begin with."""
        self.data = data
        self.errors: list[str] = []
        """What is wrong with it as a whole."""
        self.cleaned: dict[str, Any] = {}
        """The parameters, once it is valid."""
        begun = initial or {}
        self.members = [Member(name, sub, data, begun.get(name)) for name, sub in self.sub_forms.items()]

    def __getitem__(self, name: str) -> Any:
        """Return the form of the member *name*."""
        for member in self.members:
            if member.name == name:
                return member.form
        raise KeyError(name)

    def __iter__(self) -> Iterator[Any]:
        """Give the forms of all members."""
        return iter([member.form for member in self.members])

    def clean(self) -> None:
        """To be overridden: look at ``self.cleaned`` as a whole, or raise ``ValidationError``."""

    def is_valid(self) -> bool:
        """Return whether all of it is right; ``cleaned`` has the parameters then."""
        self.errors = []
        judged = [member.form.is_valid() for member in self.members]  # all of them: each is to say what is wrong
        if not all(judged):
            return False
        self.cleaned = {member.name: member.cleaned() for member in self.members}
        try:
            self.clean()
            self.cleaned = as_json(self.cleaned)
        except ValidationError as error:
            self.errors = list(error.messages)
        return not self.errors

    def unjudged(self) -> None:
        """Show what was sent as it is, with no word of what is wrong: its writer isn't done yet."""
        for member in self.members:
            forms: Sequence[Any] = member.form.forms if member.is_formset else [member.form]
            for form in forms:
                form._errors = ErrorDict()  # Django has no other way to show a bound form unjudged
            if member.is_formset:
                member.form._errors = [form.errors for form in forms]
                member.form._non_form_errors = member.form.error_class()


class _Encoder(DjangoJSONEncoder):
    def default(self, o: Any) -> Any:
        if isinstance(o, set | frozenset):
            return sorted(o)
        return super().default(o)


def as_json(value: Any) -> Any:
    """Return *value* as JSON has it: dates and decimals are texts. Raises ``ValidationError``."""
    try:
        text = json.dumps(value, cls=_Encoder, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise ValidationError("JSON can't express what was filled in: files and the like are no parameters") from None
    if len(text) > MAX_BYTES:
        raise ValidationError(f"this is over {MAX_BYTES:,} characters in all: too much at once")
    return json.loads(text)


def with_row(data: Any, member: str) -> Any:
    """Return the *data* of a form with one more row of the formset *member*."""
    return _counted(data.copy(), member, 1)


def without_row(data: Any, member: str, row: int) -> Any:
    """Return the *data* of a form without one row of the formset *member*; those behind it move up."""
    copied = data.copy()
    count = _count(copied, member)
    if not 0 <= row < count:
        return copied
    kept: dict[str, list[str]] = {}
    for key in [key for key in copied if _row_of(key, member) is not None]:
        at = _row_of(key, member) or 0
        values = copied.pop(key)
        if at != row:
            kept[f"{member}-{at - (at > row)}-{key.split('-', 2)[2]}"] = values
    for key, values in kept.items():
        copied.setlist(key, values)
    initial = f"{member}-INITIAL_FORMS"
    if str(copied.get(initial, "")).isdecimal():
        copied[initial] = str(min(int(copied[initial]), max(0, count - 1)))
    return _counted(copied, member, -1)


def _row_of(key: str, member: str) -> int | None:
    if not key.startswith(f"{member}-"):
        return None
    number, _, field = key.removeprefix(f"{member}-").partition("-")
    return int(number) if number.isdecimal() and len(number) < 6 and field else None


def _count(data: Any, member: str) -> int:
    said = str(data.get(f"{member}-TOTAL_FORMS", ""))
    return int(said) if said.isdecimal() and len(said) < 6 else 0


def _counted(data: Any, member: str, more: int) -> Any:
    data[f"{member}-TOTAL_FORMS"] = str(max(0, _count(data, member) + more))
    return data
