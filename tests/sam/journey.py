"""The way of a person from the platform's webhook into the org: once by the stream, once by the sweep alone."""

import base64
import collections
import datetime
import hashlib
import hmac
import json
import re
import time
import urllib.error
import urllib.request

import cli
import inspection
import org as simulated
from processes import wait_until
from org import Browser

# An event is due a minute after its arrival, and the sweep comes each minute.
SWEEP_SECONDS = 240
STREAM_SECONDS = 40
# Each connection is looked at every five minutes for what its contacts are to be told.
ALERT_SECONDS = 330
SENDER = "passerelle@operator.example"
# The id of no org that there is.
ELSEWHERE = "00D000000000001EAA"


def callback_url(account):
    return f"{account.public_url}/oauth/{cli.preset()['connection']['id']}/callback"


def call(url, body=None, headers=None, method=None):
    """Status and text of an answer, whatever the status."""
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def signed(secret, message, body):
    """The three headers of Standard Webhooks."""
    now = str(int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{message}.{now}.".encode() + body, hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": now,
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }


def captured(number, document):
    """Somebody met at a stand, as the platform would tell it."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    event = {
        "id": f"capture-{number}",
        "type": "contact_captured",
        "occurred_at": now,
        "person": {"id": f"person-{number}", "email": f"jeanne.{number}@client.example", "first_name": "Jeanne",
                   "last_name": f"Moreau {number}", "company": "Client SA"},
    }
    projects = document.get("projects", {}).get("list", {})
    if projects:
        event["project"] = {"id": next(iter(projects))}
    return event


class Traveller:
    """Sends events, and looks for them in the org."""

    def __init__(self, account, org, document, secret):
        self.hook = f"{account.public_url}/v1/hooks/{document['source']['id']}"
        self.org = org
        self.secret = secret

    def send(self, event, delivery):
        body = json.dumps(event).encode()
        return call(self.hook, body, signed(self.secret, delivery, body))

    def ask(self, event, headers):
        return call(f"{self.hook}/events/{event['id']}", headers=headers)

    def outcome(self, event, status=None):
        """What the outcome route tells the platform of an event; with a status, once the event has it."""
        def told():
            code, answer = self.ask(event, {"authorization": f"Bearer {self.secret}"})
            one = json.loads(answer)["connections"][0] if code == 200 else {}
            return one if status in (None, one.get("status")) else None
        return wait_until(f"{event['id']} is {status}", told, SWEEP_SECONDS, pause=0.5)

    def leads(self, event):
        return [lead for lead in self.org.records("Lead") if lead.get("Email") == event["person"]["email"]]

    def activities(self, lead):
        return [event for event in self.org.records("Event") if event.get("WhoId") == lead["Id"]]

    def arrived(self, event, seconds):
        """The lead, once its activity stands beside it; `None` after the time given."""
        def there():
            return next((lead for lead in self.leads(event) if self.activities(lead)), None)
        try:
            return wait_until(f"{event['person']['email']} stands in the org", there, seconds, pause=0.5)
        except TimeoutError:
            return None

    def check_arrival(self, checks, event, seconds):
        lead = self.arrived(event, seconds)
        if not checks.check("the lead stands in the org, and the event beside it", lead is not None,
                            self.org.records("Lead")):
            return
        checks.check("it has the person's name and company",
                     (lead["LastName"], lead["Company"]) == (event["person"]["last_name"], event["person"]["company"]),
                     lead)
        checks.check("it stands there once, with one event",
                     (len(self.leads(event)), len(self.activities(lead))) == (1, 1), self.activities(lead))


def travel(checks, account, org, program, stack, outputs, scratch):
    document = cli.preset()
    connection = document["connection"]["id"]
    steps = cli.Cli(program, account, stack)

    checks.step("The page, and an address that is none")
    status, page = call(f"{account.public_url}/")
    checks.check("GET / answers 200", status == 200, (status, page[:300]))
    status, page = call(f"{account.public_url}/elsewhere")
    checks.check("an unknown address answers 404", status == 404, (status, page[:300]))

    checks.step("passerelle apply")
    steps.apply(cli.adapted(document, org, scratch / "connection.json"))
    secrets = account.client("secretsmanager")
    text = secrets.get_secret_value(SecretId=f"{outputs['SecretPrefix']}/{connection}/webhook")["SecretString"]
    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", text)
    checks.check("a signing secret was made for the webhook", secret is not None)

    checks.step("passerelle connect; the customer's administrator allows it")
    link = steps.connect(connection)
    browser = Browser()
    browser.approve(link)
    checks.check("the administrator comes back to Passerelle and reads that it worked",
                 browser.status == 200 and browser.url.startswith(account.public_url),
                 (browser.status, browser.url.split("?")[0], browser.page[:500]))
    status, _ = call(link)
    checks.check("the link does not work a second time", 400 <= status < 500, status)

    checks.step("passerelle verify and passerelle fields, on the deployed stack")
    report = json.loads(steps.run("verify", connection, "--json"))
    errors = [finding for finding in report["findings"] if finding["severity"] == "error"]
    checks.check("the check of the configuration finds no error", not errors, errors)
    checks.check("what it finds is told in French and English, with a cure",
                 all(finding["words"]["fr"] and finding["cure"]["en"] for finding in report["findings"]), report["findings"])
    said = steps.run("fields", connection)
    checks.check("the fields that the org lacks are listed", "missing  Lead.Passerelle_Id__c" in said, said)
    said = steps.run("fields", connection, "--create")
    checks.check("they are made, and the integration user sees them", "the org has all" in said, said)

    checks.step("passerelle activate")
    steps.activate(connection)

    checks.step("passerelle connection test, on the deployed stack")
    said = json.loads(steps.run("connection", "test", connection, "--json"))
    checks.check("it signs in anew and calls the org", bool(said), said)

    traveller = Traveller(account, org, document, secret.group())
    checks.step("A webhook whose signature is wrong")
    body = json.dumps(captured(0, document)).encode()
    status, answer = call(traveller.hook, body, signed("whsec_" + base64.b64encode(b"x" * 24).decode(), "m0", body))
    checks.check("it is refused with 401", status == 401, (status, answer))

    checks.step("A signed webhook; the stream tells of it")
    first = captured(1, document)
    status, answer = traveller.send(first, "m1")
    checks.check("it is answered with 202", status == 202, (status, answer))
    traveller.check_arrival(checks, first, STREAM_SECONDS)

    checks.step("The same delivery again, while the stream is switched off")
    switch(account, stack, False)
    status, answer = traveller.send(first, "m1")
    checks.check("it is answered with 202 again", status == 202, (status, answer))

    checks.step("A signed webhook; the sweep alone finds it (this takes up to four minutes)")
    second = captured(2, document)
    status, answer = traveller.send(second, "m2")
    checks.check("it is answered with 202", status == 202, (status, answer))
    traveller.check_arrival(checks, second, SWEEP_SECONDS)

    checks.step("A signed webhook; the runs' state machine alone finds it (its schedule set to a minute here; this takes up to four minutes)")
    hourly = inspection.schedule(account, account.physical(stack, "Runs"))
    checks.check("the state machine is started every five minutes", hourly["ScheduleExpression"] == "rate(5 minutes)", hourly)
    reschedule(account, inspection.schedule(account, account.physical(stack, "Upsert")), State="DISABLED")
    third = captured(3, document)
    status, answer = traveller.send(third, "m3")
    checks.check("it is answered with 202", status == 202, (status, answer))
    reschedule(account, hourly, ScheduleExpression="rate(1 minute)")
    traveller.check_arrival(checks, third, SWEEP_SECONDS)
    checks.check("the repeated delivery made no second lead", len(traveller.leads(first)) == 1, traveller.leads(first))
    reschedule(account, inspection.schedule(account, account.physical(stack, "Upsert")), State="ENABLED")
    switch(account, stack, True)
    operate(checks, steps, connection, traveller, first)
    refused(checks, steps, connection, traveller, captured(4, document))
    replayed(checks, steps, connection, traveller, first)
    waiting = {**captured(5, document), "project": {"id": "nowhere"}}
    traveller.send(waiting, "m5")
    reconciled(checks, steps, connection, traveller, first, document, scratch)
    synchronised(checks, steps, connection, traveller, scratch)
    machine(checks, account, stack)
    alerted(checks, account, traveller, waiting)
    checks.step("passerelle disconnect")
    said = steps.run("disconnect", connection)
    gone = [s["Name"] for s in secrets.list_secrets()["SecretList"] if s["Name"].endswith(f"/{connection}/salesforce")]
    checks.check("the grant is revoked, and the secret is gone", not gone, (said, gone))
    without_a_link(checks, steps, connection, document, org, scratch)
    checks.check("the refused webhook made no lead", not traveller.leads(captured(0, document)), org.records("Lead"))


def without_a_link(checks, steps, connection, document, org, scratch):
    """The flows that sign in by themselves: the stack's function asks the org, as it does for every command."""
    def leaves(flow):
        said = json.loads(steps.run("connection", "test", connection, "--json"))
        checks.check(f"{flow}: connection test signs in anew", said["works"] and said["org"]["user"] == simulated.USERNAME, said)
        said = steps.run("disconnect", connection)
        checks.check(f"{flow}: disconnect ends the stored session", "its stored session is ended at Salesforce" in said, said)
        said = steps.run("disconnect", connection)
        checks.check(f"{flow}: once more does no harm", "there was no grant to revoke" in said, said)
        told = steps.refused("connection", "test", connection)
        checks.check(f"{flow}: then nothing is connected, and the command says so", "(not_connected)" in told, told)

    checks.step("passerelle connect by JWT bearer, on the deployed stack")
    jwt = {"jwt_bearer": {"client_id": simulated.CONSUMER_KEY, "username": simulated.USERNAME}}
    org.change_app({"flows": {"web_server": False, "jwt_bearer": True}, "pre_authorized": [simulated.USERNAME]})
    steps.apply(cli.adapted(document, org, scratch / "jwt.json", jwt), secret="")
    told = steps.refused("connect", connection)
    checks.check("without a key it is refused, with the cure", "(no_certificate)" in told and "→" in told, told)
    org.change_app({"certificate_pem": steps.run("certificate", connection)})
    said = steps.run("connect", connection)
    checks.check("it connects at once", f"{connection} is connected." in said and simulated.USERNAME in said, said)

    checks.step("passerelle connection confirm-org, to another org and back")
    ours = json.loads(steps.run("connection", "test", connection, "--json"))["org"]["organization"]
    said = steps.run("connection", "confirm-org", connection, ELSEWHERE)
    ended = "at the former org is ended" in said and "is tied to the org" in said
    checks.check("the stored session at the former org is ended", ended, said)
    told = steps.refused("connect", connection)
    checks.check("the former org is refused now", "(other_organization)" in told, told)
    steps.run("connection", "confirm-org", connection, ours)
    said = steps.run("connect", connection)
    checks.check("confirmed again, it connects", f"{connection} is connected." in said, said)
    leaves("JWT bearer")
    said = steps.run("connection", "confirm-org", connection, ELSEWHERE) + steps.run("connection", "confirm-org", connection, ours)
    checks.check("an org is confirmed without any secret, too", said.count("is tied to the org") == 2 and "revoked" not in said, said)

    checks.step("passerelle connect by client credentials, on the deployed stack")
    credentials = {"client_credentials": {"client_id": simulated.CONSUMER_KEY}}
    org.change_app({"flows": {"web_server": False, "client_credentials": True}, "run_as": simulated.USERNAME})
    steps.apply(cli.adapted(document, org, scratch / "credentials.json", credentials, host=org.instance_url))
    said = steps.run("connect", connection)
    checks.check("it connects at once", f"{connection} is connected." in said and simulated.USERNAME in said, said)
    leaves("client credentials")


def alerted(checks, account, traveller, waiting):
    checks.step("The connection's contact reads what waits (this takes up to five minutes)")
    traveller.outcome(waiting, "parked")

    def mails():
        _, answer = call(f"{account.url}/_ministack/ses/messages")
        return [mail for mail in found(json.loads(answer)) if "unknown_project" in mail["BodyText"]]

    def found(node):
        nodes = node if isinstance(node, list) else node.values() if isinstance(node, dict) else []
        return [node] if isinstance(node, dict) and "BodyText" in node else [mail for child in nodes for mail in found(child)]

    wait_until("a mail is sent", mails, ALERT_SECONDS, pause=2)
    mail = mails()[0]
    checks.check("the mail comes from the sender that the template names, to the contact that the document names",
                 (mail["Source"], mail["To"]) == (SENDER, [cli.CONTACT]), mail)
    checks.check("it tells the cause and the cure, and nothing of the person",
                 "Ajoutez le projet" in mail["BodyText"] and waiting["person"]["last_name"] not in mail["BodyText"], mail)


def operate(checks, steps, connection, traveller, event):
    checks.step("Nothing waits, one event is told, and the ledger balances, on the deployed stack")
    said = json.loads(steps.run("problems", connection, "--json"))
    checks.check("nothing waits", said[0]["problems"]["groups"] == [], said)
    said = steps.run("problems", "resume", connection)
    checks.check("nothing is resumed", said.startswith("0 events"), said)
    said = steps.run("status", connection, event["id"])
    checks.check("the event is told in sentences", "applied after" in said and "LastName" in said, said)
    check_ledger(checks, steps, connection, {"applied": 3})
    status, answer = traveller.ask(event, {})
    checks.check("nobody is told who does not show the key", status == 401, (status, answer))
    told = traveller.outcome(event)
    lead = traveller.leads(event)[0]
    wanted = {lead["Id"], traveller.activities(lead)[0]["Id"]}
    checks.check("the platform is told that its event was applied, and to which records",
                 told and told["status"] == "applied" and set(told["records"]) == wanted, told)


def refused(checks, steps, connection, traveller, event):
    """The org's duplicate rule refuses somebody until a colleague's lead of the same name is gone."""
    checks.step("The org refuses somebody for good: the event waits, and tells why")
    person = event["person"]
    traveller.org.control("rules", {"duplicate_rules": [{"name": "SameName", "sobject": "Lead", "action": "block",
                                                         "match_fields": ["LastName", "Company"]}]})
    theirs = traveller.org.rest("POST", "sobjects/Lead", {"LastName": person["last_name"], "Company": person["company"]})["id"]
    status, answer = traveller.send(event, "m4")
    checks.check("it is answered with 202", status == 202, (status, answer))
    told = traveller.outcome(event, "parked")
    checks.check("the platform is told the cause in Salesforce's code, with the record in the way",
                 told["problem"]["code"] == "DUPLICATES_DETECTED" and theirs in told["problem"]["message"], told)
    said = json.loads(steps.run("problems", connection, "--json"))
    groups = [(group["code"], group["status"], group["count"], group["examples"]) for group in said[0]["problems"]["groups"]]
    checks.check("passerelle problems has it under that code, and nothing else",
                 groups == [("DUPLICATES_DETECTED", "parked", 1, [event["id"]])], said)
    check_ledger(checks, steps, connection, {"applied": 3, "parked": 1})

    checks.step("The colleague's lead is deleted; passerelle problems resume (this takes up to two minutes)")
    traveller.org.rest("DELETE", f"sobjects/Lead/{theirs}")
    said = steps.run("problems", "resume", connection, "--code", "ENTITY_IS_LOCKED")
    checks.check("nothing is resumed for another code", said.startswith("0 events"), said)
    said = steps.run("problems", "resume", connection, "--code", "DUPLICATES_DETECTED")
    checks.check("one event is resumed", said.startswith("1 events"), said)
    traveller.check_arrival(checks, event, SWEEP_SECONDS)
    told = traveller.outcome(event, "applied")
    checks.check("the platform is told the new lead", traveller.leads(event)[0]["Id"] in told["records"], told)
    said = json.loads(steps.run("problems", connection, "--json"))
    checks.check("nothing waits any more", said[0]["problems"]["groups"] == [], said)


def replayed(checks, steps, connection, traveller, event):
    checks.step("passerelle replay, of an event that was applied (this takes up to two minutes)")
    before = (traveller.org.records("Lead"), traveller.org.records("Event"))
    said = steps.run("replay", connection, event["id"])
    checks.check("it is set going", "goes on with the next sweep" in said, said)
    told = traveller.outcome(event, "applied")
    checks.check("it is applied once more, in one try", told["tries"] == 1, told)
    checks.check("leads and events are as they were", (traveller.org.records("Lead"), traveller.org.records("Event")) == before)
    check_ledger(checks, steps, connection, {"applied": 4})


def reconciled(checks, steps, connection, traveller, event, document, scratch):
    checks.step("A colleague edits the lead; an hourly run takes it over (this takes up to four minutes)")
    document = json.loads(json.dumps(document)) | {"reconciliation": {"pull": "on", "push": "on"}}
    rules = document["mappings"]["lead"]["fields"]
    rules[:] = [rule for rule in rules if rule["to"] != "Title"]
    rules.append({"from": "person.job", "to": "Title", "strategy": "most_recent", "direction": "both"})
    lead = traveller.leads(event)[0]["Id"]
    traveller.org.rest("PATCH", f"sobjects/Lead/{lead}", {"Title": "Chief Engineer"})
    steps.apply(cli.adapted(document, traveller.org, scratch / "reconciling.json"))

    def ended():
        runs = json.loads(steps.run("runs", connection, "--json"))["runs"]
        return runs[-1] if runs else None
    run = wait_until("a run has ended", ended, SWEEP_SECONDS, pause=2)
    sheet = run["run"]["sheet"]
    checks.check("it took the colleague's value over, and its sheet balances", sheet["to_platform"] >= 1 and run["balances"], run)
    said = steps.run("status", connection, event["id"])
    checks.check("that is told in sentences", 'takes over "Chief Engineer"' in said, said)
    said = steps.run("runs", connection)
    checks.check("so is the run, with its balance", "records read" in said and "The next run is due at" in said, said)


def machine(checks, account, stack):
    """What became of the executions of the state machine that makes the runs."""
    client, arn = account.client("stepfunctions"), account.physical(stack, "Runs")
    executions = client.list_executions(stateMachineArn=arn)["executions"]
    broken = [e for e in executions if e["status"] not in ("SUCCEEDED", "RUNNING")]
    checks.check("every execution of the runs' state machine succeeded", executions and not broken, broken[:3] or executions)
    mapped = [run for e in executions for run in client.list_map_runs(executionArn=e["executionArn"])["mapRuns"]]
    counts = [client.describe_map_run(mapRunArn=run["mapRunArn"])["itemCounts"] for run in mapped]
    checks.check("it has made steps of the connection, none of which failed",
                 any(c["succeeded"] for c in counts) and not any(c["failed"] for c in counts), counts)


def synchronised(checks, steps, connection, traveller, scratch):
    checks.step("A person by the directory, people of a file, and everybody")
    bearer = {"authorization": f"Bearer {traveller.secret}"}
    person = {"email": "directory@example.org", "last_name": "Directory", "company": "Directories"}
    status, answer = call(f"{traveller.hook}/people/d1", json.dumps({"person": person}).encode(), bearer, method="PUT")
    checks.check("PUT answers 202", status == 202, (status, answer))
    event = {"id": json.loads(answer)["event"], "person": person}
    told = traveller.outcome(event, "applied")
    status, answer = call(f"{traveller.hook}/people/d1", headers=bearer)
    checks.check("GET tells the person with their record", status == 200 and json.loads(answer)[0]["salesforce"]["id"] in told["records"], (status, answer))
    rows = "".join(f"f{n},f{n}@example.org,File {n},Files\n" for n in range(3))
    file = scratch / "people.csv"
    file.write_text(f"id,email,last_name,company\n{rows}")
    said = json.loads(steps.run("sync", connection, "--file", file, "--json"))
    checks.check("the people of a file are synchronised", said == {"rows": 3, "outcomes": {"applied": 3}}, said)
    count = json.loads(steps.run("people", connection, "--json"))
    said = json.loads(steps.run("sync", connection, "--all", "--json"))
    checks.check("so is everybody", said["balances"] and said["run"]["sheet"]["asked"] >= count["synchronised"] - 1, (said, count))

    def listed():
        status, answer = call(f"{traveller.hook}/people?limit=200", headers=bearer)
        found = json.loads(answer)["people"] if status == 200 else []
        return found if len(found) >= count["known"] else None
    checks.check("the directory lists them all", wait_until("the directory lists everybody", listed, 60, pause=2), count)


def check_ledger(checks, steps, connection, wanted):
    """The run may pass midnight, so two days are added up."""
    days = json.loads(steps.run("ledger", connection, "--days", "2", "--json"))
    standing = collections.Counter()
    for day in days:
        standing.update(day["events"])
    checks.check(f"every event received is in the ledger: {wanted}",
                 sum(day["received"] for day in days) == sum(wanted.values()) and standing == wanted, days)


def reschedule(account, schedule, **changes):
    """Changes a schedule, which is always written whole."""
    kept = ["Name", "GroupName", "ScheduleExpression", "State", "FlexibleTimeWindow", "Target"]
    account.client("scheduler").update_schedule(**{key: schedule[key] for key in kept if key in schedule} | changes)


def switch(account, stack, enabled):
    """Turns the stream's event source mapping on or off."""
    functions = account.client("lambda")
    identity = inspection.mapping(account, stack)
    functions.update_event_source_mapping(UUID=identity, Enabled=enabled)
    wanted = "Enabled" if enabled else "Disabled"
    wait_until(f"the mapping is {wanted}",
               lambda: functions.get_event_source_mapping(UUID=identity)["State"] == wanted, 30)
