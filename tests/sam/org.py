"""The simulated org, and a person's browser in front of it."""

import html.parser
import http.cookiejar
import json
import urllib.error
import urllib.parse
import urllib.request

from simulated_org import SimulatedOrg

CONSUMER_KEY = "3MVG9passerelle-test"
CONSUMER_SECRET = "5A7EE3C0D1-test"
USERNAME = "admin@org.example"
PASSWORD = "password"


class Org(SimulatedOrg):
    def __init__(self, processes, program, scratch, callback_url):
        super().__init__(processes, program, scratch, {
            "users": [{"username": USERNAME, "password": PASSWORD}],
            "apps": [{
                "name": "Passerelle",
                "client_id": CONSUMER_KEY,
                "secret": CONSUMER_SECRET,
                "callback_urls": [callback_url],
            }],
            # The fields that the preset needs and no org has by itself.
            "custom_fields": [{
                "sobject": "Lead",
                "name": "kayo_last_audio_duration__c",
                "kind": {"type": "Number", "precision": 18, "scale": 0},
            }],
        })


    def change_app(self, change):
        """What an administrator does to the app."""
        self.control(f"apps/{CONSUMER_KEY}", change, method="PATCH")

    def rest(self, method, path, body=None):
        """What a colleague does in the org."""
        token = self.control("tokens", {"username": USERNAME, "client_id": CONSUMER_KEY})["access_token"]
        request = urllib.request.Request(f"{self.instance_url}/services/data/v64.0/{path}", method=method,
                                         data=json.dumps(body).encode() if body else None,
                                         headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or "null")


class Form(html.parser.HTMLParser):
    """The first form of a page: where it goes, and the fields that are filled in already."""

    def __init__(self, page):
        super().__init__()
        self.action = None
        self.fields = {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "form" and self.action is None:
            self.action = given.get("action") or ""
        elif tag == "input" and given.get("name"):
            self.fields[given["name"]] = given.get("value") or ""


class Browser:
    """Keeps cookies, follows redirects, fills in forms."""

    def __init__(self):
        self.opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        self.url = self.page = self.status = None

    def visit(self, url, fields=None):
        data = urllib.parse.urlencode(fields).encode() if fields is not None else None
        try:
            answer = self.opener.open(url, data=data, timeout=30)
        except urllib.error.HTTPError as error:
            answer = error
        self.url, self.status = answer.geturl(), answer.status
        self.page = answer.read().decode("utf-8", "replace")

    def submit(self, **fields):
        form = Form(self.page)
        if form.action is None:
            raise RuntimeError(f"{self.url} answered {self.status} and has no form: {self.page[:500]}")
        self.visit(urllib.parse.urljoin(self.url, form.action), {**form.fields, **fields})

    def approve(self, url):
        """What a customer's administrator does on Passerelle's link: presses its button, signs in to the org, and allows."""
        self.visit(url)
        self.submit()
        self.submit(username=USERNAME, password=PASSWORD)
        self.submit(decision="allow")
