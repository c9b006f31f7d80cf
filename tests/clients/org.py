"""The org that the clients find: one administrator, one app for each way to log in, and rows to page through."""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

USERNAME = "admin@org.example"
PASSWORD = "password"
SECRET = "5A7EE3C0D1-clients"
BEARER_APP = "3MVG9clients-bearer"
CREDENTIALS_APP = "3MVG9clients-credentials"
WEB_APP = "3MVG9clients-web"
CALLBACK = "https://client.example/callback"
ROWS = 4500  # two whole pages of a query and a part of a third


def key_pair():
    """A private key in PEM for the clients, and its public half for the org."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def app(name, client_id, flow, **more):
    flows = {"web_server": False, "jwt_bearer": False, "client_credentials": False, flow: True}
    return {"name": name, "client_id": client_id, "secret": SECRET, "flows": flows, **more}


def external_id(sobject, name, unique):
    return {"sobject": sobject, "name": name, "kind": {"type": "Text", "length": 64}, "external_id": True,
            "unique": unique}


def seed(public_key):
    return {
        "users": [{"username": USERNAME, "password": PASSWORD}],
        "apps": [
            app("Bearer", BEARER_APP, "jwt_bearer", certificate_pem=public_key, pre_authorized=[USERNAME]),
            app("Credentials", CREDENTIALS_APP, "client_credentials", run_as=USERNAME),
            # Administrators approve it beforehand, so a login leads straight back to the client. Its refresh
            # tokens stay as they are: jsforce does not take over a new one.
            app("Web", WEB_APP, "web_server", callback_urls=[CALLBACK], pre_authorized=[USERNAME], rotation=False),
        ],
        "custom_fields": [
            external_id("Lead", "Ext__c", unique=True),
            external_id("Lead", "Group__c", unique=False),
            {"sobject": "Contact", "name": "Row__c", "kind": {"type": "Number", "precision": 18, "scale": 0}},
        ],
        "records": [{"sobject": "Contact", "fields": {"LastName": f"Row {row}", "Row__c": row}} for row in range(ROWS)],
    }
