# SPDX-License-Identifier: Apache-2.0
import ipaddress
import struct

import hypothesis
import pytest
from hypothesis import strategies as st

from nova_vnc.net import proxy_protocol
from nova_vnc.net.proxy_protocol import HEAD_BYTES, MalformedHeader, Source
from tests.fixtures.proxy_protocol import LOCAL, build_header, build_tlv

SSL_TLV = build_tlv(0x20, b'\x01' + bytes(4))
ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6).filter(lambda address: not address.ipv4_mapped))
PORTS = st.integers(0, 0xffff)


def read(header):
    """Read a whole header as a server does: so many bytes, then so many more."""
    size = proxy_protocol.read_head(header[:HEAD_BYTES])
    assert len(header) == HEAD_BYTES + size
    return proxy_protocol.read_body(header[:HEAD_BYTES], header[HEAD_BYTES:])


@hypothesis.given(ADDRESSES, PORTS, st.lists(st.tuples(st.integers(0, 0x1f), st.binary(max_size=40)), max_size=4))
def test_says_whom_a_connection_is_from(address, port, tlvs):
    header = build_header(str(address), port, b''.join(build_tlv(*tlv) for tlv in tlvs))
    assert read(header) == Source(str(address), port)


def test_an_address_of_ipv4_in_the_form_of_ipv6():
    assert read(build_header('::ffff:192.0.2.1', 4711)) == Source('192.0.2.1', 4711)


@pytest.mark.parametrize(('tlvs', 'is_tls'), [
    (SSL_TLV, True),
    (build_tlv(2, b'console.example.com') + SSL_TLV + build_tlv(4, bytes(3)), True),
    (build_tlv(0x20, b'\x00' + bytes(4)), False),
    (build_tlv(0x20, b''), False),
    (b'', False),
])
def test_says_whether_the_load_balancer_ended_tls(tlvs, is_tls):
    assert read(build_header('192.0.2.1', 4711, tlvs)) == Source('192.0.2.1', 4711, is_tls)


@pytest.mark.parametrize('header', [
    LOCAL,
    build_header('192.0.2.1', 4711, command=0x20),          # LOCAL, with addresses that do not count
    build_header('192.0.2.1', 4711, family=0x00),           # UNSPEC
    build_header('192.0.2.1', 4711, family=0x12),           # UDP
    build_header('192.0.2.1', 4711, family=0x31),           # UNIX
    build_header('192.0.2.1', 4711, family=0xff),
])
def test_the_peer_itself_counts(header):
    assert read(header) is None


@pytest.mark.parametrize(('header', 'said'), [
    (b'', 'no header'),
    (proxy_protocol.SIGNATURE, 'no header'),
    (b'GET / HTTP/1.1\r\n', 'no header'),
    (b'\x16\x03\x01' + bytes(20), 'no header'),
    (build_header('192.0.2.1', 4711, command=0x31), 'version 3'),
    (build_header('192.0.2.1', 4711, command=0x22), 'unknown command 2'),
    (proxy_protocol.SIGNATURE + b'\x21\x11\xff\xff' + bytes(65535), '65535 bytes'),
    (proxy_protocol.SIGNATURE + b'\x21\x11\x00\x0b' + bytes(11), 'without room'),
    (proxy_protocol.SIGNATURE + b'\x21\x21\x00\x0c' + bytes(12), 'without room'),
    (build_header('192.0.2.1', 4711, b'\x20\x00'), 'breaks off'),
    (build_header('192.0.2.1', 4711, SSL_TLV + b'\x04\x00\x09' + bytes(8)), 'breaks off'),
])
def test_what_makes_no_sense(header, said):
    with pytest.raises(MalformedHeader) as caught:
        read(header)
    assert said in str(caught.value)


@hypothesis.given(st.binary(max_size=60))
def test_garbage_behind_the_signature_is_a_value_or_malformed(garbage):
    head = (proxy_protocol.SIGNATURE + garbage)[:HEAD_BYTES].ljust(HEAD_BYTES, b'\0')
    try:
        size = proxy_protocol.read_head(head)
        source = proxy_protocol.read_body(head, garbage.ljust(size, b'\0')[:size])
    except MalformedHeader:
        return
    assert source is None or ipaddress.ip_address(source.host)


@hypothesis.given(ADDRESSES, st.data())
def test_cut_off_anywhere(address, data):
    header = build_header(str(address), 1, SSL_TLV)
    # Between addresses and TLVs nothing would be missing.
    cuts = [cut for cut in range(HEAD_BYTES, len(header)) if cut != len(header) - len(SSL_TLV)]
    cut = data.draw(st.sampled_from(cuts))
    short = header[:HEAD_BYTES - 2] + struct.pack('!H', cut - HEAD_BYTES) + header[HEAD_BYTES:cut]
    with pytest.raises(MalformedHeader):
        read(short)
