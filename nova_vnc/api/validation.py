# SPDX-License-Identifier: Apache-2.0
"""Bodies and queries against JSON schemas, with messages in the form of Nova's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema
from jsonschema import exceptions as jsonschema_exceptions

from nova_vnc.api import faults, microversion

Schema = Mapping[str, Any]
VersionedSchema = Mapping[microversion.Microversion, Schema]

# A value is the client's own and comes back in the message.
_MAX_VALUE_CHARS = 200


def check_body(body: Any, schemas: VersionedSchema, version: microversion.Microversion) -> None:
    """:raises Refusal: 400, naming the attribute"""
    error = _first_error(body, microversion.pick(schemas, version))
    if error is None:
        return
    if not error.path:
        raise faults.Refusal(400, _shorten(error.message))
    raise faults.Refusal(400, _describe('field/attribute', error.path[-1], error))


def check_query(query: Mapping[str, list[str]], schemas: VersionedSchema, version: microversion.Microversion) -> None:
    """:raises Refusal: 400, naming the argument"""
    error = _first_error(query, microversion.pick(schemas, version))
    if error is None:
        return
    if not error.path:
        raise faults.Refusal(400, _shorten(error.message))
    raise faults.Refusal(400, _describe('query parameters', error.path[0], error))


def _first_error(instance: Any, schema: Schema) -> jsonschema.ValidationError | None:
    validator = jsonschema.Draft202012Validator(schema)
    try:
        return jsonschema_exceptions.best_match(validator.iter_errors(instance))
    except RecursionError:  # nested so deep that the message, which shows it, cannot be made
        raise faults.Refusal(400, 'Malformed request body') from None


def _describe(kind: str, name: object, error: jsonschema.ValidationError) -> str:
    return f'Invalid input for {kind} {name}. Value: {_shorten(str(error.instance))}. {_shorten(error.message)}'


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_VALUE_CHARS else f'{text[:_MAX_VALUE_CHARS]}...'
