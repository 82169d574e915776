# SPDX-License-Identifier: Apache-2.0
import ast
import io
import types

import hypothesis
from hypothesis import strategies as st
from websockify.websockifyserver import WebSockifyRequestHandler

from nova_vnc.novncproxy import recording_format


def websockify_line(method, time_ms, payload):
    """Return what websockify's own handler writes."""
    handler = types.SimpleNamespace(rec=io.StringIO(), start_time=0, send_parts=[], print_traffic=lambda text: None)
    handler.request = types.SimpleNamespace(sendmsg=lambda data: None, recvmsg=lambda: payload, pending=lambda: False)
    method(handler, *([[payload]] if method is WebSockifyRequestHandler.send_frames else []))
    line = handler.rec.getvalue().encode()
    taken = line[2:line.index(line[1:2], 2)]
    return line.replace(taken, str(time_ms).encode(), 1)


@hypothesis.given(st.binary() | st.text().map(str.encode))
@hypothesis.example(b'\\\'\n\r\t\0\x7f\x80\xff{}</script>')
def test_lines_are_websockifys(payload):
    assert recording_format.build_frame('{', 12, memoryview(payload)) == websockify_line(
        WebSockifyRequestHandler.send_frames, 12, payload)
    assert recording_format.build_frame('}', 12, payload) == websockify_line(
        WebSockifyRequestHandler.recv_frames, 12, payload)


@hypothesis.given(st.lists(st.binary(max_size=300)))
def test_what_is_read_is_what_was_written_and_no_more_than_four_times_as_long(payloads):
    lines = [recording_format.build_frame('{', 5, payload) for payload in payloads]
    text = b''.join([recording_format.HEADER, *lines, recording_format.FOOTER])
    assert len(text) <= 4 * sum(map(len, payloads)) + 10 * len(payloads) + 40
    assert text.startswith(b'var VNC_frame_data = [\n')
    frames = ast.literal_eval(text.decode('ascii').removeprefix('var VNC_frame_data = ').rstrip(';\n'))
    assert [frame.removeprefix('{5{').encode('latin-1') for frame in frames[:-1]] == payloads
    assert frames[-1] == 'EOF'
