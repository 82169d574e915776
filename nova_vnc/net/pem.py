# SPDX-License-Identifier: Apache-2.0
"""What libraries that are given certificates do not say: which file is no good, and what a number means."""

from __future__ import annotations

# verify_code of ssl.SSLCertVerificationError: X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH (OpenSSL,
# x509_vfy.h).
FOR_ANOTHER_HOST = (62, 64)


def flaw_of(path: str) -> str | None:
    """Return what is wrong with a file that should have certificates or a key; None where it may well have them."""
    try:
        with open(path, 'rb') as file:
            return None if b'-----BEGIN ' in file.read() else 'no PEM file'
    except OSError as error:
        return error.strerror or 'cannot be read'
