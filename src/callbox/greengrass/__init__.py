"""AWS IoT Greengrass: the component of V2, the V1 connector's parameters, the way over from it.

    component.py      the gateway as a component   parameters.py  V1's five parameters
    configuration.py  what the nucleus has for it  secret.py      the auth token in its secret

`callbox migrate` reads files by documents.py, finds what is in them by v1.py, decides by
migration.py and writes:

    documents.py      a file of any kind that V1 left behind becomes JSON values
    template.py       what CloudFormation would fill in
    v1.py             the connectors, subscriptions, secrets and functions in those
    migration.py      what becomes of each, and the report's lines
    subscriptions.py  what becomes of subscriptions
    work.py           the lines that every report has
    writing.py        callbox.yaml, or the deployment of the component
    report.py         how lines are shown
"""
