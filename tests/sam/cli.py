"""The steps an operator takes with `passerelle`: apply a configuration, ask for a link to connect, activate.

All that this run supposes of that command stands here.
"""

import json
import re
import subprocess

import yaml

import org as simulated
from cargo import ROOT

PRESET = ROOT / "infra" / "presets" / "kayo.yaml"


class Cli:
    def __init__(self, program, account, stack):
        self.program = program
        self.stack = stack
        self.environment = dict(
            account.environment(),
        )

    def run(self, *arguments):
        answer = self.type(arguments)
        if answer.returncode != 0:
            raise RuntimeError(f"passerelle {' '.join(map(str, arguments))} ended with {answer.returncode}: "
                               f"{answer.stdout}{answer.stderr}")
        return answer.stdout

    def refused(self, *arguments):
        """What a command says that is refused."""
        answer = self.type(arguments)
        if answer.returncode != 1:
            raise RuntimeError(f"passerelle {' '.join(map(str, arguments))} was not refused: {answer.stdout}{answer.stderr}")
        return answer.stderr

    def type(self, arguments):
        command = [self.program, *arguments, "--stack", self.stack]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)

    def apply(self, document, secret=simulated.CONSUMER_SECRET):
        self.environment["PASSERELLE_CONSUMER_SECRET"] = secret
        self.run("apply", document)

    def connect(self, connection):
        """The single-use link that is sent to the customer's administrator."""
        said = self.run("connect", connection)
        link = re.search(r"https?://\S+/oauth/\S+/connect\?ticket=[^\s\"'<>]+", said)
        if not link:
            raise RuntimeError(f"passerelle connect named no link: {said}")
        return link.group()

    def activate(self, connection):
        self.run("activate", connection)


class Yaml12(yaml.SafeLoader):
    """Reads `on` and `off` as the texts they are in YAML 1.2, where PyYAML's own rules make booleans of them."""

    yaml_implicit_resolvers = {
        letter: [(tag, pattern) for tag, pattern in rules if tag != "tag:yaml.org,2002:bool"]
        for letter, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


Yaml12.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


def preset():
    """The preset as it stands in the repository."""
    return yaml.load(PRESET.read_text(), Loader=Yaml12)


CONTACT = "admin@customer.example"


def adapted(document, org, path, auth=None, host=None):
    """Writes the preset with what every customer changes: the org's address, the consumer key or another flow, and whom to tell."""
    document = json.loads(json.dumps(document))
    document["connection"]["contacts"] = [CONTACT]
    salesforce = document["salesforce"]
    salesforce["host"] = {"url": host or org.login_url}
    salesforce["auth"] = auth or {"web_server": {**salesforce["auth"]["web_server"], "client_id": simulated.CONSUMER_KEY}}
    path.write_text(json.dumps(document))
    return path
