"""python3 validate.py SCHEMA DOCUMENTS VERDICTS: for each line of JSON a line `ok`, or what is wrong."""
import json
import sys

import jsonschema

schema = json.load(open(sys.argv[1], encoding="utf-8"))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
with open(sys.argv[2], encoding="utf-8") as documents, open(sys.argv[3], "w", encoding="utf-8") as verdicts:
    for line in documents:
        error = next(validator.iter_errors(json.loads(line)), None)
        print("ok" if error is None else f"{error.json_path}: {error.message[:200]!r}", file=verdicts)
