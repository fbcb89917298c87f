"""Reads metrics from standard input with Prometheus' own parser and prints them as one JSON object."""

import json
import sys

from prometheus_client.parser import text_string_to_metric_families

families = list(text_string_to_metric_families(sys.stdin.read()))
json.dump(
    {
        "families": {family.name: {"type": family.type, "help": family.documentation} for family in families},
        "samples": [
            {"name": sample.name, "labels": sample.labels, "value": sample.value}
            for family in families
            for sample in family.samples
            # A number that JSON does not have would say that something is counted wrongly.
            if sample.value == sample.value
        ],
    },
    sys.stdout,
    allow_nan=False,
)
