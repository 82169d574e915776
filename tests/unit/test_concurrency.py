# SPDX-License-Identifier: Apache-2.0
import os
import select
import subprocess
import sys
import threading
import time

import pytest

from nova_vnc import concurrency


@pytest.mark.parametrize(('argv', 'kept'), [
    ([], []),
    (['--debug', '--config-file', 'a', '--port', '1', '--config-dir=b'], ['--config-file', 'a', '--config-dir=b']),
    (['--config-file'], ['--config-file']),
])
def test_config_file_args(argv, kept):
    assert concurrency.config_file_args(argv) == kept


@pytest.mark.parametrize(('variable', 'in_file', 'default', 'backend'), [
    ('', None, 'eventlet', 'eventlet'),
    ('', None, 'threading', 'threading'),
    ('', 'auto', 'eventlet', 'eventlet'),
    ('', 'threading', 'eventlet', 'threading'),
    ('', 'eventlet', 'threading', 'eventlet'),
    ('', 'nonsense', 'eventlet', 'eventlet'),
    ('1', 'eventlet', 'eventlet', 'threading'),
    ('True', 'eventlet', 'eventlet', 'threading'),
    ('0', 'threading', 'threading', 'eventlet'),
])
def test_choose_backend(tmp_path, variable, in_file, default, backend):
    path = tmp_path / 'nova.conf'
    path.write_text(f'[DEFAULT]\nconcurrency_backend = {in_file}\n' if in_file else '')
    assert concurrency.choose_backend(default, ['--config-file', str(path)], variable) == backend


def test_choose_backend_leaves_a_missing_file_to_the_full_parse(tmp_path):
    assert concurrency.choose_backend('eventlet', ['--config-file', str(tmp_path / 'none')], '') == 'eventlet'


def test_run_native_returns_and_raises():
    assert concurrency.run_native(max, 1, 2) == 2
    with pytest.raises(ZeroDivisionError):
        concurrency.run_native(divmod, 1, 0)


def test_run_native_passes_on_what_ends_a_thread():
    def end():
        raise SystemExit
    with pytest.raises(SystemExit):
        concurrency.run_native(end)


def test_epoll_lets_other_threads_run_and_sees_what_they_do():
    reader, writer = os.pipe()
    epoll = concurrency.Epoll()
    try:
        epoll.register(reader, 1)
        assert epoll.poll(0) == []
        assert epoll.poll(0.01) == []
        thread = threading.Thread(target=os.write, args=(writer, b'x'))
        thread.start()
        assert epoll.poll(10) == [(reader, 1)]
        thread.join()
    finally:
        epoll.close()
        os.close(reader)
        os.close(writer)


def wait_for_nothing():
    reader, writer = os.pipe()
    concurrency.note_new_fd(reader)
    assert not concurrency.wait_for_descriptor(reader, select.EPOLLIN, 0.001)
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize('wait', [concurrency.give_way, wait_for_nothing])
def test_epoll_with_precedence_does_not_wait_until_all_have_had_their_turn(wait):
    fd = os.eventfd(0)
    epoll = concurrency.Epoll(has_precedence=True)
    begin = threading.Event()
    done = []

    def relay():
        assert epoll.poll(10) == [(fd, 1)]
        done.append('relay')

    def set_up():
        begin.wait()
        if not done:
            os.eventfd_write(fd, 1)
        done.append('set-up')
        end = time.monotonic() + 0.002
        while time.monotonic() < end:
            pass
        wait()

    threads = [threading.Thread(target=run) for run in (relay, *[set_up] * 20)]
    try:
        epoll.register(fd, 1)
        for thread in threads:
            thread.start()
        begin.set()
        for thread in threads:
            thread.join()
    finally:
        epoll.close()
        os.close(fd)
    assert len(done) == 21
    if concurrency.is_patched():    # the order of native threads is the kernel's affair
        assert done[:3] == ['set-up', 'relay', 'set-up']


@pytest.mark.parametrize('backend', ['eventlet', 'threading'])
def test_patch_in_a_process_of_its_own(backend):
    code = (f'from nova_vnc import concurrency; concurrency.patch({backend!r}, [])\n'
            'import sys, threading; import nova_vnc.rpc.transport\n'
            'print(concurrency.is_patched(), threading.current_thread.__module__)')
    environment = {key: value for key, value in os.environ.items() if key != concurrency.DISABLE_VARIABLE}
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60, env=environment)
    assert done.stderr == ''
    assert done.stdout.split()[0] == str(backend == 'eventlet')
