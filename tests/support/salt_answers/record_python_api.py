"""Record what Salt's Python API answers, into ``python_api.json``.

Run by hand with the Python of a virtual environment that has Salt, as a user that may run a master::

    /path/to/salt-venv/bin/python tests/support/salt_answers/record_python_api.py FOLDER

FOLDER is a new one for a master and three minions on loopback; they are ended at the end. It takes two minutes.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from api_case import answer

MINIONS = ("db1", "web1", "web2")
PORTS = (47515, 47516)

CASES = """
local.cmd('*', 'test.ping')
local.cmd('*', 'test.ping', full_return=True)
local.cmd('web1', 'test.arg', ['a', '1', 'k=2', 3], kwarg={'foo': 'bar'})
local.cmd('web1', 'test.arg', ['x=1'])['web1']['args']
local.cmd('web1', 'test.arg', ('a', 'b'))
local.cmd('web*', 'test.echo', ['x'])
local.cmd(['web1', 'db1'], 'test.ping', tgt_type='list')
local.cmd('web1,db1', 'test.ping', tgt_type='list')
local.cmd('web1, db1', 'test.ping', tgt_type='list')
local.cmd('web[12]', 'test.ping', tgt_type='pcre')
local.cmd('role:web1', 'test.ping', tgt_type='grain')
local.cmd('role|web1', 'test.ping', tgt_type='grain', delimiter='|')
local.cmd('G@role:web1 or db1', 'test.ping', tgt_type='compound')
local.cmd(['web1', 'or', 'db1'], 'test.ping', tgt_type='compound')
local.cmd('nobody', 'test.ping')
local.cmd('', 'test.ping')
local.cmd('*', 'test.ping', tgt_type='nosuch')
local.cmd('web1', ['test.ping', 'test.echo'], [[], ['x']])
local.cmd('web1', ['test.ping', 'test.echo'], [[], ['x']], full_return=True)
local.cmd('web1', ['test.ping', 'nosuch.fun'], [[], []])['web1']['test.ping']
local.cmd('web1', 'nosuch.fun')
local.cmd('web1', 'nosuch.fun', full_return=True)
local.cmd('web1', 'test.retcode', [42], full_return=True)
local.cmd('web1', 'test.ping', jid='20260101000000123456', full_return=True)['web1']
local.cmd('web1', 'test.ping', metadata={'a': 1})
local.cmd('web1', 'test.ping', ret='nosuch')
local.cmd('web1', 'test.ping', gather_job_timeout=3, timeout=2)
local.cmd('web1', 'test.ping', [], 3)
local.cmd('web1', 'test.ping', timeout='3')
local.cmd('web1', 'test.echo', [{'a': [1, None, 2.5]}])
local.cmd('web1', 'test.echo', [b'abc'])
type(local.cmd_async('web1', 'test.ping')).__name__
local.cmd_async('nobody', 'test.ping')
local.cmd_async('web1', 'test.ping', jid='20260101000000123457')
local.run_job('nobody', 'test.ping')
local.run_job('*', 'test.ping')
local.run_job('web1', 'test.ping', jid='20260101000000123458')
local.pub('web1', 'test.ping')
local.pub('nobody', 'test.ping')
local.pub('web1', 'test.ping', jid='20260101000000123459')
rows(local.cmd_iter('*', 'test.ping'))
rows(local.cmd_iter('nobody', 'test.ping'))
rows(local.cmd_iter('web1', 'test.echo', ['x'], expect_minions=True))
rows(local.cmd_iter('web1', 'test.retcode', [3]))
[row for row in local.cmd_iter_no_block('web1', 'test.ping') if row is not None]
None in list(local.cmd_iter_no_block('web1', 'test.sleep', [1]))
list(local.cmd_iter_no_block('nobody', 'test.ping'))
rows(local.cmd_cli('*', 'test.ping'))
rows(local.cmd_cli('nobody', 'test.ping'))
rows(local.cmd_cli('web1', 'nosuch.fun'))
rows(local.cmd_cli('web1', 'grains.item', ['role']))
local.cmd_subset('*', 'test.ping', subset=9)
len(local.cmd_subset('*', 'test.ping'))
len(local.cmd_subset('*', 'test.ping', subset=1))
local.cmd_subset('nobody', 'test.ping')
local.cmd_subset('*', 'nosuch.fun')
rows(local.cmd_subset('*', 'test.ping', subset=9, cli=True))
local.cmd_subset('web*', 'test.ping', subset=9, full_return=True)
local.cmd_subset('web*', 'test.ping', sub=9)
rows(local.cmd_batch('*', 'test.ping', batch=2))
rows(local.cmd_batch('*', 'test.ping', batch='50%'))
rows(local.cmd_batch('web1', 'test.arg', ['a'], kwarg={'b': 1}))
rows(local.cmd_batch('web1', 'nosuch.fun'))
rows(local.cmd_batch('web1', 'test.retcode', [3]))
rows(local.cmd_batch('nobody', 'test.ping'))
list(local.cmd_batch('*', 'test.ping', batch='x'))
rows(local.cmd_batch(['web1', 'db1'], 'test.ping', 1, 'list'))
rows(local.cmd_batch(['web1', 'db1'], 'test.ping', tgt_type='list', batch=1))
rows(local.cmd_batch('web1', 'test.ping', raw=True))
local.cmd_full_return('web1', 'test.ping')
job = local.run_job('web*', 'test.echo', ['x'])
until(lambda: len(local.get_cache_returns(job['jid'])) == 2)
local.get_cache_returns(job['jid'])
---
job = local.run_job('web*', 'test.echo', ['x'])
until(lambda: len(local.get_cache_returns(job['jid'])) == 2)
local.get_full_returns(job['jid'], job['minions'], timeout=3)
---
job = local.run_job('web*', 'test.echo', ['x'])
until(lambda: len(local.get_cache_returns(job['jid'])) == 2)
list(local.get_cli_returns(job['jid'], job['minions'], timeout=3))
---
job = local.run_job('web1', 'grains.item', ['role'])
until(lambda: len(local.get_cache_returns(job['jid'])) == 1)
local.get_cache_returns(job['jid'])
---
job = local.run_job('web1', 'test.retcode', [3])
until(lambda: len(local.get_cache_returns(job['jid'])) == 1)
[local.get_cache_returns(job['jid']), list(local.get_cli_returns(job['jid'], job['minions'], timeout=3))]
---
job = local.run_job('web1', 'test.sleep', [2])
rows(local.get_iter_returns(job['jid'], job['minions'], timeout=5))
---
job = local.run_job('web1', 'test.sleep', [2])
rows(local.get_iter_returns(job['jid'], set(job['minions']), timeout=5))
---
job = local.run_job('web1', 'test.sleep', [2])
rows(local.get_iter_returns(job['jid'], 'web1', timeout=5))
---
job = local.run_job('web1', 'test.sleep', [2])
rows(local.get_cli_returns(job['jid'], job['minions'], timeout=5))
---
job = local.run_job('web1', 'test.sleep', [2])
rows(local.get_event_iter_returns(job['jid'], job['minions'], timeout=5))
---
job = local.run_job('web1', 'test.sleep', [2])
local.get_full_returns(job['jid'], job['minions'], timeout=5)
---
job = local.run_job('web1', 'test.sleep', [2])
local.get_returns(job['jid'], job['minions'], timeout=5)
---
job = local.run_job('web1', 'test.sleep', [2])
rows(local.get_cli_event_returns(job['jid'], job['minions'], timeout=5))
---
local.get_cache_returns('20200101000000000000')
local.get_full_returns('20200101000000000000', ['web1'], timeout=1)
local.get_returns('20200101000000000000', ['web1'], timeout=1)
list(local.get_iter_returns('20200101000000000000', ['web1'], timeout=1))
list(local.get_event_iter_returns('20200101000000000000', ['web1'], timeout=1))
list(local.get_cli_returns('20200101000000000000', ['web1'], timeout=1))
sorted(local.gather_minions('*', 'glob'))
sorted(local.gather_minions('web1,db1,nobody', 'list'))
sorted(local.gather_minions('role:web1', 'grain'))
local.gather_minions('nobody', 'glob')
sorted(local.gather_minions('G@role:web1 or db1', 'compound'))
with type(local)(mopts=local.opts) as client: found = client.cmd('web1', 'test.ping')
found
---
runner.cmd('jobs.list_jobs', ['x'], 3)
runner.cmd('jobs.list_jobs', 'x')
runner.cmd('jobs.list_jobs', kwarg='x')
runner.cmd('nosuch.fun')
runner.cmd('manage.up')
runner.cmd('manage.up', [], None, {}, False)
runner.cmd('manage.down', print_event=False)
runner.cmd('jobs.lookup_jid', ['20200101000000000000'], print_event=False)
runner.cmd('jobs.lookup_jid', kwarg={'jid': '20200101000000000000'}, print_event=False)
runner.cmd('jobs.lookup_jid', ['jid=20200101000000000000'], print_event=False)
runner.cmd('jobs.lookup_jid', print_event=False)
runner.cmd('manage.up', kwarg={'nosuch': 1}, print_event=False)
runner.cmd('manage.up', print_event=False, full_return=True)
runner.cmd('manage.up', pub_data={'user': 'fred'}, print_event=False, full_return=True)
runner.cmd('test.arg', ['1', 'a', 'k=2'], print_event=False)
sorted(runner.asynchronous('manage.up', {}))
runner.asynchronous('manage.up', {})['tag']
---
event.subscribe()
job = runner.asynchronous('manage.up', {})
found = event.get_event(wait=20, tag=job['tag'] + '/ret', full=True)
[found['tag'], sorted(found['data']), found['data']['fun'], found['data']['return'], found['data']['user']]
---
runner.low('manage.up', {'arg': [], 'kwarg': {}}, print_event=False)
runner.low('jobs.lookup_jid', {'jid': '20200101000000000000'}, print_event=False)
runner.low('nosuch.fun', {}, print_event=False)[:60]
runner.cmd_async({'fun': 'manage.up'})
runner.cmd_sync({'fun': 'manage.up'})
'manage.up' in runner.functions
wheel.cmd('key.list_all')
wheel.cmd('key.list_all', print_event=False, full_return=True)
wheel.call_func('key.list_all')
wheel.cmd('key.list', ['accepted'])
wheel.cmd('key.list', ['acc'])
wheel.cmd('key.list', ['pre'])
wheel.cmd('key.list', ['un'])
wheel.cmd('key.list', ['unaccepted'])
wheel.cmd('key.list', ['rejected'])
wheel.cmd('key.list', ['denied'])
wheel.cmd('key.list', ['all'])
wheel.cmd('key.list', ['x'])
wheel.cmd('key.list', kwarg={'match': 'accepted'})
wheel.cmd('key.list', [])
wheel.cmd('key.name_match', ['web*'])
wheel.cmd('key.name_match', ['nobody'])
wheel.cmd('key.name_match', ['*'])
wheel.cmd('key.glob_match', ['web*'])
wheel.cmd('key.accept', ['nobody'])
wheel.cmd('key.reject', ['nobody'])
wheel.cmd('key.delete', ['nobody'])
wheel.cmd('key.accept', ['web1'])
kinds(wheel.cmd('key.finger', ['web*']))
len(wheel.cmd('key.finger', ['web1'])['minions']['web1'].split(':'))
wheel.cmd('key.finger', ['nobody'])
kinds(wheel.cmd('key.finger_master'))
kinds(wheel.cmd('key.print', ['web1']))
wheel.cmd('key.print', ['nobody'])
kinds(wheel.cmd('key.master_key_str'))
kinds(wheel.cmd('key.gen', ['new1']))
kinds(wheel.cmd('key.gen'))
kinds(wheel.cmd('key.gen_accept', ['new1']))
wheel.cmd('key.list', ['accepted'])
wheel.cmd('key.gen_accept', ['new1'])
wheel.cmd('key.reject', ['new1'])
wheel.cmd('key.reject', ['new1'], kwarg={'include_accepted': True})
wheel.cmd('key.list_all')
wheel.cmd('key.accept', ['new1'])
wheel.cmd('key.accept', ['new1', True])
wheel.cmd('key.delete', ['new1'])
kinds([wheel.cmd('key.gen_accept', ['new2']), wheel.cmd('key.gen_accept', ['new3'])])
wheel.cmd('key.reject_dict', [{'minions': ['new2']}], kwarg={'include_accepted': True})
wheel.cmd('key.accept_dict', [{'minions_rejected': ['new2']}])
wheel.cmd('key.accept_dict', [{'minions_rejected': ['new2']}], kwarg={'include_rejected': True})
wheel.cmd('key.delete_dict', [{'minions': ['new2', 'nobody']}])
wheel.cmd('key.delete', ['new*'])
wheel.cmd('key.list_all')
sorted(wheel.cmd('minions.connected'))
wheel.cmd('config.values')['timeout']
type(wheel.cmd('config.values')).__name__
wheel.cmd('file_roots.find', ['a.txt'])
wheel.cmd('file_roots.find', ['sub/b.txt'])
wheel.cmd('file_roots.find', ['b.bin'])
wheel.cmd('file_roots.find', ['nosuch'])
wheel.cmd('file_roots.find', ['a.txt', 'prod'])
wheel.cmd('file_roots.find', ['../etc/master'])
wheel.cmd('file_roots.find', ['sub'])
wheel.cmd('file_roots.list_env')
wheel.cmd('file_roots.list_env', ['prod'])
wheel.cmd('file_roots.list_roots')
wheel.cmd('file_roots.read', ['a.txt'])
wheel.cmd('file_roots.read', ['b.bin'])
wheel.cmd('file_roots.read', ['../etc/master'])
wheel.cmd('file_roots.read', ['nosuch'])
wheel.cmd('pillar_roots.find', ['one.sls'])
wheel.cmd('pillar_roots.list_env')
wheel.cmd('pillar_roots.list_roots')
wheel.cmd('pillar_roots.read', ['one.sls'])
wheel.cmd('nosuch.fun')
wheel.cmd('key.accept')
wheel.cmd('key.accept', ['a', 'b', 'c', 'd'])
wheel.cmd('key.list_all', kwarg={'x': 1})
wheel.call_func('nosuch.fun')[:60]
wheel.call_func('key.name_match', match='web1')
sorted(wheel.asynchronous('key.list_all', {}))
wheel.asynchronous('key.list_all', {})['tag']
wheel.cmd_async({'fun': 'key.list_all'})['tag']
wheel.cmd_sync({'fun': 'key.list_all'})
---
event.subscribe()
job = wheel.asynchronous('key.list_all', {})
found = event.get_event(wait=20, tag=job['tag'] + '/ret', full=True)
[found['tag'], sorted(found['data']), found['data']['fun'], found['data']['return'], found['data']['success']]
---
event.subscribe()
event.fire_event({'a': 1}, 'my/tag/one')
---
event.subscribe()
event.fire_event({'a': 1}, 'my/tag/one')
event.get_event(wait=5, tag='my/')
---
event.subscribe()
event.fire_event({'a': 1}, 'my/tag/one')
event.get_event(wait=5, tag='my/', full=True)
---
event.subscribe()
event.fire_event({'a': 1}, 'my/tag/one')
event.get_event(wait=5, tag='one', full=True, match_type='endswith')['tag']
---
event.subscribe()
event.fire_event({'a': 1}, 'my/tag/one')
event.get_event(wait=5, tag='tag/', full=True, match_type='find')['tag']
---
event.subscribe()
event.fire_event({'a': 1}, 'my/tag/one')
event.get_event(wait=5, tag='my/[a-z]+/o', full=True, match_type='regex')['tag']
---
event.subscribe()
event.fire_event({'a': 1}, 'my/tag/one')
event.get_event(wait=1, tag='tag/o', full=True, match_type='regex')
---
event.subscribe()
event.fire_event({'a': 1}, 'my/tag/one')
event.get_event(wait=5, tag='my/*/one', full=True, match_type='fnmatch')['tag']
---
event.subscribe()
event.fire_event({'a': 1}, 'my/tag/one')
event.get_event(wait=1, tag='my/*', full=True, match_type='startswith')
---
event.get_event(wait=1, tag='nosuch/')
event.get_event(tag='nosuch/', no_block=True)
event.get_event_noblock()
---
event.subscribe()
job = local.run_job('web1', 'test.echo', ['hello'])
found = event.get_event(wait=20, tag='salt/job/' + job['jid'] + '/new', full=True)
{key: found['data'].get(key) for key in ('fun', 'arg', 'tgt', 'tgt_type', 'jid', 'minions', 'missing', '_stamp')}
---
event.subscribe()
job = local.run_job('web1', 'test.echo', ['hello'])
found = event.get_event(wait=20, tag='salt/job/' + job['jid'] + '/ret/web1', full=True)
{key: found['data'].get(key) for key in ('fun', 'fun_args', 'id', 'jid', 'return', 'retcode', 'success', 'cmd')}
---
event.subscribe()
job = local.run_job('web1', 'test.ping')
first(event.iter_events(tag='salt/job/' + job['jid'] + '/ret', full=True))[0]['tag']
---
event.subscribe()
job = local.run_job('web1', 'test.ping')
first(event.iter_events(tag='salt/job/' + job['jid'] + '/ret'))[0]['return']
---
event.subscribe('my/only')
event.unsubscribe('my/only')
---
caller.cmd('test.ping')
caller.cmd('test.arg', 'a', 'k=2', 1, foo='bar')
caller.function('test.arg', 'a', 'k=2', '1', foo='bar')
caller.cmd('nosuch.fun')
caller.cmd('test.exception', 'boom')
caller.cmd('grains.get', 'role')
caller.function('test.echo', 'x')
caller.cmd('test.retcode', 3)
'test.ping' in caller.sminion.functions
caller.sminion.functions['test.echo']('y')
caller.cmd('test.echo')
caller.opts['id']
"""

SILENT = """
local.cmd('*', 'test.ping', timeout=2, gather_job_timeout=2)
local.cmd('db1', 'test.ping', timeout=2, gather_job_timeout=2, full_return=True)
rows(local.cmd_iter('*', 'test.ping', timeout=2, gather_job_timeout=2))
rows(local.cmd_iter('*', 'test.ping', timeout=2, gather_job_timeout=2, expect_minions=True))
rows(row for row in local.cmd_iter_no_block('*', 'test.ping', timeout=2, gather_job_timeout=2) if row is not None)
rows(local.cmd_cli('*', 'test.ping', timeout=2, gather_job_timeout=2))
rows(local.cmd_cli('*', 'test.ping', timeout=2, gather_job_timeout=2, verbose=True))
local.cmd('web1,nobody', 'test.ping', tgt_type='list', timeout=2, gather_job_timeout=2)
rows(local.cmd_iter(['web1', 'nobody'], 'test.ping', tgt_type='list', timeout=2, gather_job_timeout=2))
local.cmd('nobody', 'test.ping', tgt_type='list')
local.cmd(['nobody', 'other'], 'test.ping', tgt_type='list')
local.run_job('web1,nobody', 'test.ping', tgt_type='list')
rows(local.cmd_cli('web1,nobody', 'test.ping', tgt_type='list', timeout=2, gather_job_timeout=2))
local.cmd_subset('*', 'test.ping', subset=9, timeout=2, gather_job_timeout=2)
rows(local.cmd_batch('*', 'test.ping', batch=3, timeout=2, gather_job_timeout=2))
local.cmd_full_return('*', 'test.ping', timeout=2)
---
job = local.run_job('*', 'test.ping')
until(lambda: len(local.get_cache_returns(job['jid'])) == 2)
rows(local.get_iter_returns(job['jid'], job['minions'], timeout=2, gather_job_timeout=2))
---
job = local.run_job('*', 'test.ping')
until(lambda: len(local.get_cache_returns(job['jid'])) == 2)
rows(local.get_iter_returns(job['jid'], job['minions'], timeout=2, gather_job_timeout=2, expect_minions=True))
---
job = local.run_job('*', 'test.ping')
until(lambda: len(local.get_cache_returns(job['jid'])) == 2)
rows(local.get_cli_returns(job['jid'], job['minions'], timeout=2))
---
job = local.run_job('*', 'test.ping')
until(lambda: len(local.get_cache_returns(job['jid'])) == 2)
local.get_full_returns(job['jid'], job['minions'], timeout=2)
---
job = local.run_job('*', 'test.ping')
until(lambda: len(local.get_cache_returns(job['jid'])) == 2)
rows(local.get_cli_event_returns(job['jid'], job['minions'], timeout=2, gather_job_timeout=2))
---
sorted(wheel.cmd('minions.connected'))
"""


def cases(text):
    """Return the cases in a text: a line each, or, after and before ``---``, what stands together."""
    found = []
    for part in text.strip().split("\n---\n"):
        lines = part.strip().splitlines()
        together = any(line.startswith(("job =", "event.subscribe", "with ")) for line in lines)
        starts = next((n for n, line in enumerate(lines) if line.startswith(("job =", "event.subscribe", "with "))), 0)
        found += lines[:starts] if together else lines
        found += ["\n".join(lines[starts:])] if together else []
    return found


def main(folder):
    """Run everything and write the file."""
    import salt.client
    import salt.config
    import salt.runner
    import salt.utils.event
    import salt.wheel

    root = Path(folder).resolve()
    programs, processes = Path(sys.executable).parent, {}
    master = settings(
        root,
        "master",
        "master",
        publish_port=PORTS[0],
        ret_port=PORTS[1],
        interface="127.0.0.1",
        auto_accept=True,
        worker_threads=3,
        file_roots={"base": [f"{root}/files"]},
        pillar_roots={"base": [f"{root}/pillar"]},
    )
    tree(root)
    processes["master"] = start(programs / "salt-master", master.parent)
    for name in MINIONS:
        config = settings(
            root,
            name,
            "minion",
            id=name,
            master="127.0.0.1",
            publish_port=PORTS[0],
            master_port=PORTS[1],
            acceptance_wait_time=1,
            grains={"role": name},
        )
        processes[name] = start(programs / "salt-minion", config.parent)
    opts = salt.config.master_config(str(master))
    end = time.monotonic() + 120
    while not (root / "master/run/publish_pull.ipc").exists() or not list((root / "master/cache").glob(".*_key")):
        assert time.monotonic() < end
        time.sleep(1)
    local = salt.client.LocalClient(mopts=salt.config.client_config(str(master)))
    names = {
        "local": local,
        "runner": salt.runner.RunnerClient(opts),
        "wheel": salt.wheel.WheelClient(opts),
        "caller": salt.client.Caller(
            mopts={**salt.config.minion_config(str(root / "web1/etc/minion")), "file_client": "local"}
        ),
    }
    while answering(local) < len(MINIONS):
        assert time.monotonic() < end
        time.sleep(1)
    replaced = [(str(root), "ROOT")]
    found = []
    try:
        for part, text in (("all", CASES), ("silent", SILENT)):
            if part == "silent":
                os.killpg(processes["db1"].pid, signal.SIGSTOP)
            for case in cases(text):
                with salt.utils.event.get_event("master", sock_dir=opts["sock_dir"], opts=opts, listen=True) as event:
                    value = answer(case, {**names, "event": event}, replaced)
                print(case.splitlines()[-1], "->", repr(value)[:150], file=sys.stderr)
                found.append({"part": part, "case": case, "answer": value})
    finally:
        for process in processes.values():
            stop(process)
    lines = ",\n".join(json.dumps(one, ensure_ascii=False, default=repr) for one in found)
    Path(__file__).with_name("python_api.json").write_text(f"[\n{lines}\n]\n")


def answering(local):
    """Return how many minions answer."""
    return list(local.cmd("*", "test.ping", timeout=3).values()).count(True)


def tree(root):
    """Make the files that are served."""
    (root / "files/sub").mkdir(parents=True)
    (root / "pillar").mkdir()
    (root / "files/a.txt").write_text("hello\n")
    (root / "files/b.bin").write_bytes(bytes(range(256)))
    (root / "files/sub/b.txt").write_text("below\n")
    (root / "pillar/top.sls").write_text("base:\n  '*':\n    - one\n")
    (root / "pillar/one.sls").write_text("k: v\n")


def settings(root, name, kind, **options):
    """Write a configuration and return its file."""
    own = root / name
    (own / "etc").mkdir(parents=True)
    everything = {
        "root_dir": f"{own}",
        "pki_dir": f"{own}/pki",
        "cachedir": f"{own}/cache",
        "sock_dir": f"{own}/run",
        "log_file": f"{own}/log",
        "pidfile": f"{own}/pid",
        "log_level": "critical",
        **options,
    }
    (own / "etc" / kind).write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in everything.items()))
    return own / "etc" / kind


def start(program, config):
    """Start a program in a group of its own."""
    with open(config / "out", "wb") as log:
        return subprocess.Popen([program, "-c", config], stdout=log, stderr=log, start_new_session=True)


def stop(process):
    """End a program with all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


if __name__ == "__main__":
    main(sys.argv[1])
