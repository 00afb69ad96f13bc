"""Modules written for Salt run as they are: what they import of it, and what Salt's loader gives them."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import FunctionNotFound
from saltern_agent.jobs import Current
from saltern_agent.loader import Loader
from saltern_agent.loader.salt_names import SaltNames

Make = Callable[..., Loader]

pytestmark = pytest.mark.skipif(importlib.util.find_spec("salt") is not None, reason="Salt itself is installed")


@pytest.fixture
def _no_six(monkeypatch: pytest.MonkeyPatch) -> None:
    """See to it that six isn't installed, as on hosts of agents."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "six"]:
        monkeypatch.delitem(sys.modules, name)

    class Hidden:
        @staticmethod
        def find_spec(name: str, path: Any = None, target: Any = None) -> None:
            if name == "six":
                raise ModuleNotFoundError("No module named 'six'", name="six")

    monkeypatch.setattr(sys, "meta_path", [Hidden, *sys.meta_path])


@pytest.fixture(autouse=True)
def _nothing_of_salt_is_left() -> Iterator[None]:
    yield
    for name in [name for name in sys.modules if name == "salt" or name.startswith("salt.")]:
        del sys.modules[name]
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, SaltNames)]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(**modules: str) -> Loader:
        folders = {"modules": tmp_path / "modules", "utils": tmp_path / "utils"}
        for folder in folders.values():
            folder.mkdir(exist_ok=True)
        for name, text in modules.items():
            kind, _, stem = name.rpartition("__") if name.startswith("utils__") else ("modules", "", name)
            (folders[kind or "modules"] / f"{stem}.py").write_text(text)
        opts = {"id": "web1", "cachedir": str(tmp_path / "cache"), "conf_file": str(tmp_path / "etc" / "minion")}
        loader = Loader(opts, [str(folders["modules"])], Current(), [str(folders["utils"])])
        loader.set_grains({"os": "Debian", "id": "web1"})
        loader.set_pillar({"a": {"b": 1}})
        return loader

    return made


IMPORTS = {
    "import salt.utils.files\ndef f(p): return salt.utils.files.is_empty(p)": False,
    "import salt.utils.files as files\ndef f(p): return files.is_empty(p)": False,
    "from salt.utils import files\ndef f(p): return files.is_empty(p)": False,
    "from salt.utils.files import is_empty\ndef f(p): return is_empty(p)": False,
    "from salt.utils import is_empty\ndef f(p): return is_empty(p)": False,
    "import salt.utils\ndef f(p): return salt.utils.is_empty(p)": False,
    "import salt.utils\ndef f(p): return salt.utils.files.is_empty(p)": False,
    "import salt\ndef f(p): return salt.utils.files.is_empty(p)": False,
    "def f(p):\n    import salt.utils.files\n    return salt.utils.files.is_empty(p)": False,
    "import importlib\ndef f(p): return importlib.import_module('salt.utils.files').is_empty(p)": False,
    "def f(p): return __import__('salt.utils.files').utils.files.is_empty(p)": False,
    "import salt.utils\ndef f(p): return salt.utils.platform.is_windows(), salt.utils.is_linux()": (False, True),
    "import salt.ext.six as six\ndef f(p): return sorted(six.iteritems({'a': 1})), six.PY3": ([("a", 1)], True),
    "from salt.ext.six.moves import range, configparser\ndef f(p): return list(range(2)), configparser.__name__": (
        [0, 1],
        "configparser",
    ),
    "from salt.ext.six.moves.urllib.parse import urlparse\ndef f(p): return urlparse('http://x/y').path": "/y",
    "import salt.ext.six.moves.http_client\ndef f(p): return salt.ext.six.moves.http_client.OK.value": 200,
    "from six import string_types\nimport six.moves\ndef f(p): return string_types": (str,),
    "import six\ndef f(p): return six.moves.urllib.parse.quote('a b')": "a%20b",
    "try:\n    import salt.utils.foo as x\nexcept ImportError:\n    x = 'none'\ndef f(p): return x": "none",
    "try:\n    from salt.utils.files import x\nexcept ImportError as e:\n    x = str(e)[:30]\ndef f(p): return x": (
        "salt.utils.files.x isn't here:"
    ),
    "import salt.utils\ndef f(p): return hasattr(salt.utils, 'foo'), hasattr(salt.utils.files, 'foo')": (False, False),
    "import salt.modules.cmdmod\ndef f(p): return salt.modules.cmdmod._run_quiet('echo hi')": "hi",
    "import salt.modules.cmdmod as c\ndef f(p): return c.run_stdout('echo hi'), c.__name__": (
        "hi",
        "saltern_compat.modules.cmdmod",
    ),
    "from salt.modules.cmdmod import run as r\ndef f(p): return r('echo hi')": "hi",
    "from salt.modules.test import *\ndef f(p): return ping()": True,
    "import salt.modules.grains\ndef f(p): return salt.modules.grains.get('os')": "Debian",
    "import salt.loader\ndef f(p): return salt.loader.grains(__opts__)['os']": "Debian",
    "import salt.loader\ndef f(p): return salt.loader.minion_mods(__opts__)['test.echo'](3)": 3,
    "import salt.config\ndef f(p): return salt.config.minion_config('/etc/salt/minion')['id']": "web1",
    "import salt.client\ndef f(p): return salt.client.Caller().cmd('test.echo', 4)": 4,
    "from salt.exceptions import CommandExecutionError\ndef f(p): return CommandExecutionError('x').message": "x",
    "import salt.version\ndef f(p): return salt.version.__version_info__ > (2019, 2)": True,
    "from salt.defaults import DEFAULT_TARGET_DELIM as d\ndef f(p): return d": ":",
}


@pytest.mark.usefixtures("_no_six")
@pytest.mark.parametrize("text", IMPORTS)
def test_every_way_to_import_it(make: Make, tmp_path: Path, text: str) -> None:
    (tmp_path / "file").write_text("text")
    assert make(one=text).function("one.f")(str(tmp_path / "file")) == IMPORTS[text]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import salt.utils.foo", "line 1: ModuleNotFoundError: salt.utils.foo isn't here: "),
        ("\nimport salt.foo.bar", "line 2: ModuleNotFoundError: salt.foo isn't here: "),
        ("from salt.utils import foo", "line 1: ImportError: salt.utils.foo isn't here: "),
        ("from salt.utils.data import foo", "line 1: ImportError: salt.utils.data.foo isn't here: "),
        ("import salt.modules.boto_ec2", "line 1: ModuleNotFoundError: salt.modules.boto_ec2 isn't here: "),
        ("from salt.modules import _script", "line 1: ImportError: salt.modules._script isn't here: "),
        ("import salt.ext.six.moves.nothing", "ModuleNotFoundError: salt.ext.six.moves.nothing isn't here: "),
        ("import salt.utils\nsalt.utils.foo", "line 2: AttributeError: salt.utils.foo isn't here: "),
        ("import salt.utils.json\nsalt.utils.json.x", "line 2: AttributeError: salt.utils.json.x isn't here: "),
        ("import salt.modules.cmdmod\nsalt.modules.cmdmod.x", "salt.modules.cmdmod.x isn't here: "),
    ],
)
def test_what_is_not_here_is_named_in_one_line(make: Make, text: str, said: str) -> None:
    with pytest.raises(FunctionNotFound) as caught:
        make(one=text).function("one.f")
    assert said in str(caught.value)


def test_each_class_is_there_once(make: Make) -> None:
    text = (
        "import salt.exceptions, importlib\nfrom saltern.errors import CommandError\n"
        "def f():\n    one = importlib.import_module('salt.exceptions').CommandExecutionError\n"
        "    return one is CommandError and one is salt.exceptions.CommandExecutionError"
    )
    assert make(one=text).function("one.f")() is True
    assert sys.modules["salt.exceptions"] is sys.modules["saltern_compat.exceptions"]


def test_the_bundled_one_is_meant_by_a_module_that_takes_its_place(make: Make) -> None:
    text = "import salt.modules.test as whole\nfrom salt.modules.test import echo as e\ndef echo(x): return e(x) * 2"
    loader = make(test=text)
    assert loader.function("test.echo")(2) == 4
    assert loader.function("test.ping")() is True


def test_functions_of_two_loaders_are_apart(make: Make, tmp_path: Path) -> None:
    loader = make(one="import salt.modules.grains\ndef f(): return salt.modules.grains.get('os')")
    other = Loader({}, [str(tmp_path / "modules")], Current())
    other.set_grains({"os": "other"})
    assert [one.function("one.f")() for one in (loader, other, loader)] == ["Debian", "other", "Debian"]


def test_salt_itself_is_taken_where_it_is_installed(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site" / "salt" / "utils").mkdir(parents=True)
    for name in ("", "utils/"):
        (tmp_path / "site" / "salt" / f"{name}__init__.py").write_text("real = True")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    text = "import salt.utils\ndef f(): return salt.real, salt.utils.real, hasattr(salt.utils, 'which')"
    assert make(one=text).function("one.f")() == (True, True, False)


def test_the_agent_imports_nothing_of_it(make: Make) -> None:
    before = {name for name in sys.modules if name.startswith("saltern_compat")}
    assert make(one="def f(): return 1").function("one.f")() == 1
    assert {name for name in sys.modules if name.startswith("saltern_compat")} == before
    assert not any(name == "salt" or name.startswith("salt.") for name in sys.modules)


def test_functions_by_attribute(make: Make) -> None:
    text = (
        "def f(): return __salt__.test.echo(1), __salt__['test.echo'](2), 'test.echo' in __salt__, "
        "__salt__.get('no.such'), hasattr(__salt__.test, 'nothing'), hasattr(__salt__, '_x')\n"
        "def g(): return __salt__.test.nothing()\ndef h(): return __salt__['no.such']\n"
    )
    loader = make(one=text)
    assert loader.function("one.f")() == (1, 2, True, None, False, False)
    with pytest.raises(AttributeError, match=r"'test\.nothing' is not available"):
        loader.function("one.g")()
    with pytest.raises(KeyError, match=r"no\.such"):
        loader.function("one.h")()


def test_salts_utilities(make: Make, tmp_path: Path) -> None:
    text = (
        "def f(p): return __utils__['files.is_empty'](p), __utils__['stringutils.to_num']('3'), "
        "__utils__.path.which('sh') is not None, 'files.is_empty' in __utils__, 'files.nothing' in __utils__, "
        "'nothing.at_all' in __utils__\n"
    )
    (tmp_path / "file").write_text("text")
    loader = make(one=text)
    assert loader.function("one.f")(str(tmp_path / "file")) == (False, 3, True, True, False, False)
    loader = make(one=text, utils__files="def is_empty(p): return 'own'")
    assert loader.function("one.f")(str(tmp_path / "file"))[0] == "own"


def test_options_and_the_rest(make: Make, tmp_path: Path) -> None:
    text = (
        "def f(): return {name: __opts__[name] for name in ('id', 'test', 'cachedir', 'conf_file', '__role', "
        "'root_dir', 'extension_modules', 'grains', 'pillar', 'file_roots', 'sock_dir', 'pki_dir', 'master_uri')}\n"
        "def own(): __opts__['mine'] = 1\n"
        "def g(): return __proxy__, __env__, 'file.managed' in __states__, list(__states__)\n"
        "def h(): return __states__['file.managed']\n"
    )
    loader = make(one=text, two="def f(): return __opts__.get('mine')")
    found = loader.function("one.f")()
    assert found["grains"] == {"os": "Debian", "id": "web1"}
    assert found["pillar"] == {"a": {"b": 1}}
    assert found["extension_modules"] == str(tmp_path / "cache" / "extmods")
    assert (found["id"], found["test"], found["__role"], found["root_dir"]) == ("web1", False, "minion", "/")
    loader.set_grains({"os": "x"})
    loader.set_pillar({"k": "v"})
    assert loader.function("one.f")()["grains"] == {"os": "x"}
    assert loader.function("one.f")()["pillar"] == {"k": "v"}
    loader.function("one.own")()
    assert loader.function("two.f")() is None  # options are a copy for each module, as in Salt
    assert loader.function("one.g")() == ({}, "base", False, [])
    with pytest.raises(KeyError, match=r"file\.managed: Saltern has no states"):
        loader.function("one.h")()
    assert "pillar" not in loader.function("test.get_opts")()  # those of bundled modules are bare


def test_one_context_for_all(make: Make) -> None:
    text = "def f():\n    __context__.setdefault('n', 0)\n    __context__['n'] += 1\n    return __context__['n']"
    loader = make(one=text, two=text, utils__more=text, three="def f(): return __utils__['more.f']()")
    assert [loader.function(f"{name}.f")() for name in ("one", "two", "three", "one")] == [1, 2, 3, 4]
    loader.forget()
    assert loader.function("two.f")() == 1


def test_what_a_file_puts_in_the_place_of_names_of_the_loader(make: Make) -> None:
    text = (
        "__salt__ = {}\n__grains__ = None\n__opts__ = {'test': True, 'own.option': 5}\n"
        "def f(): return __salt__['test.echo'](1), __grains__['os'], __opts__['id'], __opts__['test'], "
        "__opts__['own.option']\n"
    )
    assert make(one=text).function("one.f")() == (1, "Debian", "web1", True, 5)


VIRTUAL = {
    "def __virtual__(): return True": "one",
    "def __virtual__(): return 'other'": "other",
    "__virtualname__ = 'other'\ndef __virtual__(): return True": "other",
    "__virtualname__ = 'other'\ndef __virtual__(): return __virtualname__": "other",
    "__virtualname__ = 'other'\ndef __virtual__(): return 'third'": "other",
    "__virtualname__ = 'other'\ndef __virtual__(): return 'one'": "one",
    "__virtual_aliases__ = ('other',)": "other",
    "__virtual_aliases__ = ['other']\ndef __virtual__(): return True": "one",
    "def __virtual__(): return (True, 'fine')": "one",
    "def __virtual__(): return False": "",
    "def __virtual__(): return None": "",
    "def __virtual__(): return (False, 'no such program')": "no such program",
    "def __virtual__(): return False, 'no such program'": "no such program",
    "def __virtual__(): return []": "",
    "def __virtual__(): return ()": "",
    "def __virtual__(): raise RuntimeError('broken')": "broken",
    "__virtual__ = False": "one",
}


@pytest.mark.parametrize("text", VIRTUAL)
def test_virtual_in_every_form(make: Make, text: str) -> None:
    loader = make(one=f"{text}\ndef f(): return 7")
    name = VIRTUAL[text]
    if name in ("one", "other"):
        assert loader.function(f"{name}.f")() == 7
        assert f"{name}.f" in loader.functions()
        return
    with pytest.raises(FunctionNotFound) as caught:
        loader.function("one.f")
    assert name in str(caught.value)


def test_init_is_called_once_with_the_options_and_before_virtual(make: Make) -> None:
    text = (
        "seen = []\ndef __init__(opts): seen.append((opts['id'], __salt__['test.echo'](1)))\n"
        "def __virtual__(): return bool(seen)\ndef f(): return seen\n"
    )
    loader = make(one=text)
    assert loader.function("one.f")() == [("web1", 1)]
    assert loader.function("one.f")() == [("web1", 1)]
    assert "one.__init__" not in loader.functions()
    loader.forget(["one"])
    assert loader.function("one.f")() == [("web1", 1)]


def test_an_init_that_fails(make: Make) -> None:
    loader = make(
        one="def __init__(opts): raise OSError('no disk')\ndef f(): return 1",
        two="def __init__(): pass\ndef f(): return 2",
    )
    with pytest.raises(FunctionNotFound, match=r"__init__ failed: OSError: no disk"):
        loader.function("one.f")
    assert loader.function("two.f")() == 2


def test_functions_that_depend_on_something(make: Make) -> None:
    text = (
        "from salt.utils.decorators import depends\nimport os\n"
        "HAS = True\nHAS_NOT = False\ndef _other(): return 'other'\n"
        "@depends('os')\ndef a(): return 1\n"
        "@depends('nothing')\ndef b(): return 1\n"
        "@depends('HAS_NOT', fallback_function=_other)\ndef c(): return 1\n"
        "@depends('LATE')\ndef d_(): return 1\n"
        "@depends('os', 'nothing')\ndef e(): return 1\n"
        "@depends('true', retcode=0)\ndef g(): return 1\n"
        "@depends('false', retcode=0)\ndef h(): return 1\n"
        "@depends('false', nonzero_retcode=True)\ndef i(): return 1\n"
        "@depends('no-such-program-at-all', retcode=0)\ndef j(): return 1\n"
        "LATE = True\n__func_alias__ = {'d_': 'd'}\n"
    )
    loader = make(one=text)
    assert sorted(name for name in loader.functions() if name.startswith("one.")) == [f"one.{name}" for name in "acdgi"]
    assert loader.function("one.c")() == "other"


def test_what_all_names_is_all_there_is(make: Make) -> None:
    loader = make(
        one="__all__ = ['a']\ndef a(): return 1\ndef b(): return 2",
        two="__load__ = ['b']\n__all__ = ['a']\ndef a(): return 1\ndef b(): return 2",
    )
    names = [name for name in loader.functions() if name.partition(".")[0] in ("one", "two")]
    assert names == ["one.a", "two.b"]


def test_decorated_functions_of_the_module_are_there(make: Make) -> None:
    text = (
        "import salt.utils.decorators.path\nfrom salt.utils.decorators import memoize\n"
        "@salt.utils.decorators.path.which('no-such-program-at-all')\ndef a(): return 1\n"
        "@memoize\ndef b(x): return [x]\n"
    )
    loader = make(one=text)
    with pytest.raises(Exception, match="The 'no-such-program-at-all' binary was not found") as caught:
        loader.function("one.a")()
    assert type(caught.value).__name__ == "CommandNotFoundError"
    b: Any = loader.function("one.b")
    assert b(1) is b(1)
    assert os.path.basename(b.__code__.co_filename) != "one.py"
