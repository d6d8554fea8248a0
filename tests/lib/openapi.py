"""A small validator: is a value what a schema of an OpenAPI 3.0 document says? It knows what broker/openapi.json
uses and refuses keywords that it does not know, so that nothing is silently unchecked.
"""
import re

TYPES = {
    'object': dict,
    'array': list,
    'string': str,
    'boolean': bool,
}
KNOWN = {'$ref', 'type', 'properties', 'required', 'additionalProperties', 'items', 'enum', 'pattern', 'nullable',
         'format', 'minimum', 'maximum', 'minLength', 'maxLength', 'anyOf', 'description', 'default'}
TIME = re.compile(r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$')


class Document:
    def __init__(self, document):
        self.document = document

    def resolve(self, thing):
        """What a $ref stands for."""
        while '$ref' in thing:
            at = self.document
            for part in thing['$ref'].removeprefix('#/').split('/'):
                at = at[part]
            thing = at
        return thing

    def operations(self):
        """(METHOD, path, operation) of the whole document."""
        for path, methods in self.document['paths'].items():
            for method, operation in methods.items():
                yield method.upper(), path, operation

    def find(self, method, path):
        """The operation for a real path, or None."""
        for m, pattern, operation in self.operations():
            if m == method and re.fullmatch(re.sub(r'\{\w+\}', '[^/]+', pattern), path):
                return operation
        return None

    def faults(self, schema, value, where='$'):
        """What is wrong with VALUE, as sentences."""
        schema = self.resolve(schema)
        unknown = set(schema) - KNOWN
        if unknown:
            return [f'{where}: the validator does not know {sorted(unknown)}']
        if value is None:
            return [] if schema.get('nullable') else [f'{where}: null']
        if 'anyOf' in schema:
            if any(not self.faults(s, value, where) for s in schema['anyOf']):
                return []
            return [f'{where}: {value!r} is none of the kinds allowed']
        kind = schema.get('type')
        if kind == 'integer':
            if not isinstance(value, int) or isinstance(value, bool):
                return [f'{where}: {value!r} is no integer']
        elif kind and not isinstance(value, TYPES[kind]):
            return [f'{where}: {value!r} is no {kind}']
        return getattr(self, '_' + (kind or 'any'))(schema, value, where)

    def _any(self, schema, value, where):
        return []

    def _boolean(self, schema, value, where):
        return []

    def _integer(self, schema, value, where):
        faults = []
        if 'minimum' in schema and value < schema['minimum']:
            faults.append(f'{where}: {value} is below {schema["minimum"]}')
        if 'maximum' in schema and value > schema['maximum']:
            faults.append(f'{where}: {value} is above {schema["maximum"]}')
        return faults

    def _string(self, schema, value, where):
        faults = []
        if 'enum' in schema and value not in schema['enum']:
            faults.append(f'{where}: {value!r} is none of {schema["enum"]}')
        if 'pattern' in schema and not re.search(schema['pattern'], value):
            faults.append(f'{where}: {value!r} does not match {schema["pattern"]}')
        if schema.get('format') == 'date-time' and not TIME.match(value):
            faults.append(f'{where}: {value!r} is no time')
        if len(value.encode()) > schema.get('maxLength', len(value.encode())):
            faults.append(f'{where}: {value!r} is too long')
        return faults

    def _array(self, schema, value, where):
        faults = []
        for i, item in enumerate(value):
            faults += self.faults(schema.get('items', {}), item, f'{where}[{i}]')
        return faults

    def _object(self, schema, value, where):
        faults = [f'{where}.{name}: missing' for name in schema.get('required', []) if name not in value]
        properties = schema.get('properties', {})
        for name, member in value.items():
            if name in properties:
                faults += self.faults(properties[name], member, f'{where}.{name}')
            elif schema.get('additionalProperties') is False:
                faults.append(f'{where}.{name}: not documented')
        return faults
