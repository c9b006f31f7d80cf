"""simple-salesforce, through its own methods. What it has none for goes through its `restful`."""

import csv
import datetime
import urllib.parse
import warnings

import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceGeneralError,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceRefusedRequest,
    SalesforceResourceNotFound,
)

import org

# Any My Domain name will do: it leads to the simulated org's instance host.
MY_DOMAIN = "clients.my"


class Road(requests.adapters.HTTPAdapter):
    """Leads the client, which speaks https with *.salesforce.com and its instances alone, to the simulated org."""

    def __init__(self, simulated):
        super().__init__()
        self.simulated = simulated

    def send(self, request, **options):
        asked = urllib.parse.urlsplit(request.url)
        base = self.simulated.login_url if asked.hostname == "login.salesforce.com" else self.simulated.instance_url
        request.url = base + urllib.parse.urlunsplit(("", "", asked.path, asked.query, ""))
        return super().send(request, **options)


class Driver:
    def __init__(self, checks, simulated, private_key):
        self.checks = checks
        self.simulated = simulated
        self.private_key = private_key

    def connect(self, **login):
        session = requests.Session()
        session.mount("https://", Road(self.simulated))
        return Salesforce(session=session, **login)

    def bearer(self, username=org.USERNAME):
        return self.connect(username=username, consumer_key=org.BEARER_APP, privatekey=self.private_key)

    def refused(self, text, error, code, act):
        """Checks that the client raises this class, and that the org's code stands in it."""
        try:
            seen = act()
        except error as raised:
            content = getattr(raised, "content", None)
            found = getattr(raised, "code", None) or (content[0]["errorCode"] if isinstance(content, list) else None)
            self.checks.check(text, found == code, content)
        except Exception as raised:
            self.checks.check(text, False, repr(raised))
        else:
            self.checks.check(text, False, f"no error, but {seen}")


def drive(checks, ground):
    driver = Driver(checks, ground.simulated, ground.private_key)
    client = driver.bearer()
    logins(driver, client)
    describes(checks, client)
    records(driver, client)
    upserts(driver, client)
    queries(driver, client)
    composites(checks, client)
    collections(checks, client)
    bulk(checks, client)
    errors(driver, client)


def logins(driver, client):
    checks = driver.checks
    checks.check("logs in with a signed assertion", client.session_id.startswith("00D"), client.session_id)
    by_secret = driver.connect(consumer_key=org.CREDENTIALS_APP, consumer_secret=org.SECRET, domain=MY_DOMAIN)
    checks.check("logs in with client credentials", by_secret.limits()["DailyApiRequests"]["Max"] > 0)
    by_session = driver.connect(session_id=client.session_id, instance_url=driver.simulated.instance_url)
    checks.check("takes over a session id", by_session.is_sandbox() is False)
    driver.refused("a wrong secret is an authentication failure", SalesforceAuthenticationFailed, "invalid_client",
                   lambda: driver.connect(consumer_key=org.CREDENTIALS_APP, consumer_secret="wrong", domain=MY_DOMAIN))
    driver.refused("a login by SOAP is answered as not built", SalesforceAuthenticationFailed, 501,
                   lambda: driver.connect(username=org.USERNAME, password=org.PASSWORD, security_token=""))
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        driver.refused("an assertion for nobody is an authentication failure", SalesforceAuthenticationFailed,
                       "invalid_grant", lambda: driver.bearer("nobody@org.example"))
    checks.check("the client recognises the words for a missing approval",
                 any("self-authorize" in str(warning.message) for warning in heard), heard)


def describes(checks, client):
    names = [sobject["name"] for sobject in client.describe()["sobjects"]]
    checks.check("describes the org", "Lead" in names and "Contact" in names, names)
    fields = {field["name"]: field for field in client.Lead.describe()["fields"]}
    checks.check("describes an object", fields["Ext__c"]["externalId"] and fields["LastName"]["length"] == 80)
    basic = client.Lead.metadata()["objectDescribe"]
    checks.check("reads an object's basic information", basic["keyPrefix"] == "00Q", basic)


def records(driver, client):
    checks = driver.checks
    began = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
    made = client.Lead.create({"LastName": "Onze", "Company": "Clients", "Ext__c": "simple/1"})
    checks.check("creates a record", made["success"] and len(made["id"]) == 18, made)
    lead = client.Lead.get(made["id"])
    checks.check("reads it", lead["LastName"] == "Onze" and lead["attributes"]["type"] == "Lead", lead)
    found = client.Lead.get_by_custom_id("Ext__c", "simple/1")
    checks.check("reads it by its external id", found["Id"] == made["id"], found)
    checks.check("updates it", client.Lead.update(made["id"], {"Title": "CTO"}) == 204)
    checks.check("the update is stored", client.Lead.get(made["id"])["Title"] == "CTO")
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=1)
    checks.check("lists what was updated", made["id"] in client.Lead.updated(began, until)["ids"])
    checks.check("deletes it", client.Lead.delete(made["id"]) == 204)
    deleted = client.Lead.deleted(began, until)["deletedRecords"]
    checks.check("lists what was deleted", [row["id"] for row in deleted] == [made["id"]], deleted)
    driver.refused("a deleted record is not found, and said to be deleted", SalesforceResourceNotFound,
                   "ENTITY_IS_DELETED", lambda: client.Lead.get(made["id"]))


def upserts(driver, client):
    checks = driver.checks
    body = {"LastName": "Douze", "Company": "Clients"}
    checks.check("an upsert creates", client.Lead.upsert("Ext__c/simple-2", body) == 201)
    again = client.Lead.upsert("Ext__c/simple-2", {"Title": "CFO"}, raw_response=True)
    checks.check("the next one updates", again.status_code == 200 and again.json()["created"] is False, again.text)
    stored = client.query("SELECT LastName, Title FROM Lead WHERE Ext__c = 'simple-2'")["records"]
    checks.check("one record stands, with both", [(row["LastName"], row["Title"]) for row in stored] == [("Douze", "CFO")])
    for name in ("Treize", "Quatorze"):
        client.Lead.create({"LastName": name, "Company": "Clients", "Group__c": "simple-many"})
    try:
        client.Lead.upsert("Group__c/simple-many", {"Title": "nobody"})
        checks.check("several records for one external id are an error of their own", False)
    except SalesforceMoreThanOneRecord as error:
        checks.check("several records for one external id are an error of their own",
                     len(error.content) == 2 and all("/sobjects/Lead/" in url for url in error.content), error.content)


def queries(driver, client):
    checks = driver.checks
    soql = "SELECT Id, Row__c FROM Contact WHERE Row__c != NULL"
    first = client.query(soql)
    checks.check("a query answers its first page",
                 (first["totalSize"], len(first["records"]), first["done"]) == (org.ROWS, 2000, False))
    rows = client.query_all(soql)["records"]
    checks.check("all rows arrive, each once", sorted(row["Row__c"] for row in rows) == list(range(org.ROWS)), len(rows))
    lazily = [row["Id"] for row in client.query_all_iter(soql)]
    checks.check("all rows arrive from the iterator, each once", len(lazily) == len(set(lazily)) == org.ROWS, len(lazily))
    small = client.query_all(soql, headers={"Sforce-Query-Options": "batchSize=500"})["records"]
    checks.check("all rows arrive in small pages, each once", len({row["Id"] for row in small}) == len(small) == org.ROWS)
    gone = client.Lead.create({"LastName": "Gone", "Company": "Clients"})["id"]
    client.Lead.delete(gone)
    soql = f"SELECT Id, IsDeleted FROM Lead WHERE Id = '{gone}'"
    checks.check("a query hides deleted records", client.query(soql)["totalSize"] == 0)
    checks.check("a query of everything shows them", client.query(soql, include_deleted=True)["records"][0]["IsDeleted"])
    checks.check("the client reads how much of the limit is used", client.api_usage["api-usage"].used > 0, client.api_usage)


def composites(checks, client):
    path = f"/services/data/v{client.sf_version}/sobjects"
    answer = client.restful("composite", method="POST", json={"allOrNone": True, "compositeRequest": [
        {"method": "POST", "url": f"{path}/Account", "referenceId": "firm", "body": {"Name": "Simple SA"}},
        {"method": "POST", "url": f"{path}/Contact", "referenceId": "person",
         "body": {"LastName": "Quinze", "AccountId": "@{firm.id}"}},
        {"method": "GET", "url": f"{path}/Contact/@{{person.id}}?fields=AccountId", "referenceId": "read"},
    ]})["compositeResponse"]
    checks.check("a composite request follows references", answer[2]["body"]["AccountId"] == answer[0]["body"]["id"], answer)
    answer = client.restful("composite", method="POST", json={"allOrNone": True, "compositeRequest": [
        {"method": "POST", "url": f"{path}/Account", "referenceId": "firm", "body": {"Name": "Undone SA"}},
        {"method": "POST", "url": f"{path}/Contact", "referenceId": "person", "body": {"AccountId": "@{firm.id}"}},
    ]})["compositeResponse"]
    codes = [part["body"][0]["errorCode"] for part in answer]
    checks.check("a failing part undoes the others", codes == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING"], answer)
    checks.check("nothing of it is left", client.query("SELECT COUNT() FROM Account WHERE Name = 'Undone SA'")["totalSize"] == 0)
    batch = client.restful("composite/batch", method="POST", json={"batchRequests": [
        {"method": "GET", "url": f"v{client.sf_version}/limits"},
        {"method": "GET", "url": f"v{client.sf_version}/sobjects/Lead/00Q000000000000AAA"},
    ]})
    checks.check("a batch has a result for each part", [part["statusCode"] for part in batch["results"]] == [200, 404], batch)
    tree = client.restful("composite/tree/Account", method="POST", json={"records": [{
        "attributes": {"type": "Account", "referenceId": "root"}, "Name": "Tree SA",
        "Contacts": {"records": [{"attributes": {"type": "Contact", "referenceId": "leaf"}, "LastName": "Seize"}]},
    }]})
    checks.check("a tree makes parent and child", [row["referenceId"] for row in tree["results"]] == ["root", "leaf"], tree)


def collections(checks, client):
    leads = [{"attributes": {"type": "Lead"}, "LastName": f"Set {n}", "Company": "Clients", "Ext__c": f"set-{n}"}
             for n in range(200)]
    leads[7].pop("LastName")
    answer = client.restful("composite/sobjects", method="POST", json={"allOrNone": False, "records": leads})
    failed = [n for n, result in enumerate(answer) if not result["success"]]
    checks.check("a collection of two hundred fails one by one", len(answer) == 200 and failed == [7], failed)
    checks.check("an item's error says its code", answer[7]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING", answer[7])
    keyed = [{"attributes": {"type": "Lead"}, "LastName": f"Set {n}", "Company": "Clients", "Ext__c": f"set-{n}"}
             for n in (7, 8)]
    upserted = client.restful("composite/sobjects/Lead/Ext__c", method="PATCH", json={"allOrNone": True, "records": keyed})
    checks.check("a collection is upserted", [item["created"] for item in upserted] == [True, False], upserted)
    ids = [upserted[0]["id"], upserted[1]["id"]]
    read = client.restful("composite/sobjects/Lead", method="POST",
                          json={"ids": [*ids, "00Q000000000000AAA"], "fields": ["Ext__c"]})
    checks.check("a collection is read, with gaps", [row and row["Ext__c"] for row in read] == ["set-7", "set-8", None], read)
    changes = [{"attributes": {"type": "Lead"}, "id": ids[0], "Title": "COO"},
               {"attributes": {"type": "Lead"}, "id": ids[1], "Title": "x" * 200}]
    undone = client.restful("composite/sobjects", method="PATCH", json={"allOrNone": True, "records": changes})
    codes = [item["errors"][0]["statusCode"] for item in undone]
    checks.check("all or none holds", codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "STRING_TOO_LONG"], undone)
    removed = client.restful("composite/sobjects", {"ids": ",".join(ids)}, method="DELETE")
    checks.check("a collection is deleted", [item["success"] for item in removed] == [True, True], removed)


def bulk(checks, client):
    leads = [{"LastName": f"Bulk {n}", "Company": "Clients", "Ext__c": f"bulk-{n}"} for n in range(1000)]
    leads[3]["Company"] = ""
    job = client.bulk2.Lead.insert(records=leads, wait=0)[0]
    figures = (job["numberRecordsTotal"], job["numberRecordsProcessed"], job["numberRecordsFailed"])
    checks.check("a bulk job inserts a thousand rows but one", figures == (1000, 1000, 1), job)
    fates = client.bulk2.Lead.get_all_ingest_records(job["job_id"])
    checks.check("its successes and its failure are told apart",
                 (len(fates["successfulRecords"]), len(fates["failedRecords"])) == (999, 1), fates["failedRecords"])
    failed = fates["failedRecords"][0]
    checks.check("the failed row says why", failed["Ext__c"] == "bulk-3" and
                 failed["sf__Error"].startswith("REQUIRED_FIELD_MISSING:"), failed)
    changes = [{"Ext__c": f"bulk-{n}", "Title": "CIO", "LastName": f"Bulk {n}", "Company": "Clients"} for n in range(5)]
    job = client.bulk2.Lead.upsert(records=changes, external_id_field="Ext__c", wait=0)[0]
    created = [row["sf__Created"] for row in csv.DictReader(client.bulk2.Lead.get_successful_records(job["job_id"]).splitlines())]
    checks.check("a bulk job upserts", created.count("true") == 1 and created.count("false") == 4, created)
    pages = list(client.bulk2.Contact.query("SELECT Id, Row__c FROM Contact WHERE Row__c != NULL", max_records=2000, wait=0))
    rows = [row for page in pages for row in csv.DictReader(page.splitlines())]
    checks.check("a bulk query brings all rows in three pages, each once",
                 len(pages) == 3 and sorted(int(float(row["Row__c"])) for row in rows) == list(range(org.ROWS)),
                 (len(pages), len(rows)))
    ids = [{"Id": row["sf__Id"]} for row in fates["successfulRecords"]]
    job = client.bulk2.Lead.delete(records=ids, wait=0)[0]
    checks.check("a bulk job deletes", job["numberRecordsFailed"] == 0 and
                 client.query("SELECT COUNT() FROM Lead WHERE Ext__c LIKE 'bulk-%'")["totalSize"] == 1, job)


def errors(driver, client):
    checks, simulated = driver.checks, driver.simulated
    driver.refused("a query that cannot be read is malformed", SalesforceMalformedRequest, "MALFORMED_QUERY",
                   lambda: client.query("SELECT Id FROM"))
    driver.refused("an unknown field is malformed", SalesforceMalformedRequest, "INVALID_FIELD",
                   lambda: client.query("SELECT Nope FROM Lead"))
    driver.refused("a missing field is malformed", SalesforceMalformedRequest, "REQUIRED_FIELD_MISSING",
                   lambda: client.Lead.create({"LastName": "Alone"}))
    driver.refused("an unknown object is not found", SalesforceResourceNotFound, "NOT_FOUND",
                   lambda: client.Nope__c.describe())
    driver.refused("a bulk query that cannot be read is malformed", SalesforceMalformedRequest, "MALFORMED_QUERY",
                   lambda: list(client.bulk2.Lead.query("SELECT Id FROM", wait=0)))
    simulated.control("faults", {"when": {"route": "limits", "count": 1}, "effect": {"kind": "quota"}})
    driver.refused("a used up limit is a refusal", SalesforceRefusedRequest, "REQUEST_LIMIT_EXCEEDED", client.limits)
    fault = {"kind": "status", "status": 503, "code": "SERVER_UNAVAILABLE", "message": "Server Unavailable"}
    simulated.control("faults", {"when": {"route": "limits", "count": 1}, "effect": fault})
    driver.refused("a server that is not there is a general error", SalesforceGeneralError, "SERVER_UNAVAILABLE",
                   client.limits)
    lent = driver.connect(session_id=client.session_id, instance_url=simulated.instance_url)
    simulated.control("expire-tokens")
    driver.refused("an ended session is an expired one", SalesforceExpiredSession, "INVALID_SESSION_ID", lent.limits)
    before = client.session_id
    checks.check("a client that can log in renews an ended session itself",
                 client.Lead.metadata() is not None and client.session_id != before)
