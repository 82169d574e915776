# SPDX-License-Identifier: Apache-2.0
"""What the URLs do: handler(request, **arguments of the URL) -> the body of a 200, as a dict.

A handler raises what it cannot do; faults turns that into an answer.
"""
