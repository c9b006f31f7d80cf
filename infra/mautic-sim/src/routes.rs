//! The routes of the API, in front of what is simulated.

use std::collections::BTreeMap;

use axum::{
    Router,
    body::to_bytes,
    extract::{Request as Incoming, State},
    response::{IntoResponse, Json, Response},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use serde_json::{Map, Value, json};

use crate::{
    Mautic, auth,
    control::{Request, error},
    list,
    show::{self, iso},
    store::Hook,
    write::{Method, Written},
};

/// The most items of one batch (`api_batch_max_limit`).
const MOST: usize = 200;
/// Bytes of a body that are read.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

pub(crate) type Answer = (u16, Value);

/// What a batch is about, and how its items are written; without a method they are new.
#[derive(Clone, Copy)]
struct Batch {
    companies: bool,
    method: Option<Method>,
}

pub(crate) fn router(mautic: Mautic) -> Router {
    Router::new().fallback(handle).with_state(mautic)
}

async fn handle(State(mautic): State<Mautic>, request: Incoming) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    let path = parts.uri.path().to_owned();
    let call = Call { method: parts.method.as_str(), path: &path, query: list::parameters(parts.uri.query()), body: &bytes };
    let (status, answer) = mautic.answer(&parts.headers, &call).await;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [("Mautic-Version", "5.2.1")], Json(answer)).into_response()
}

/// One request.
struct Call<'a> {
    method: &'a str,
    path: &'a str,
    query: BTreeMap<String, String>,
    body: &'a Bytes,
}

impl Call<'_> {
    fn json(&self) -> Value {
        serde_json::from_slice(self.body).unwrap_or_default()
    }

    fn object(&self) -> Map<String, Value> {
        self.json().as_object().cloned().unwrap_or_default()
    }
}

impl Mautic {
    async fn answer(&self, headers: &HeaderMap, call: &Call<'_>) -> Answer {
        let limited = self.with(|store| {
            let (method, path) = (call.method.to_owned(), call.path.to_owned());
            store.requests.push(Request { method, path, body: call.json() });
            match &mut store.requests_left {
                Some(0) => true,
                Some(left) => {
                    *left -= 1;
                    false
                }
                None => false,
            }
        });
        if limited {
            return (429, error(429, "API rate limit exceeded", "rate_limit"));
        }
        let fault = self.with(|store| store.strike(call.path));
        let failed = |fault: &crate::Fault| (fault.status, error(fault.status, "Simulated", &fault.kind));
        match fault {
            Some(fault) if !fault.done => failed(&fault),
            Some(fault) => {
                self.permitted(headers, call).await;
                failed(&fault)
            }
            None => self.permitted(headers, call).await,
        }
    }

    async fn permitted(&self, headers: &HeaderMap, call: &Call<'_>) -> Answer {
        if call.path == "/oauth/v2/token" {
            let is_form = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
            let form = if is_form { list::parameters(std::str::from_utf8(call.body).ok()) } else { BTreeMap::new() };
            return self.with(|store| auth::token(store, &form));
        }
        if let Err(refusal) = self.with(|store| auth::check(store, headers)) {
            return refusal;
        }
        self.dispatch(call).await
    }

    async fn dispatch(&self, call: &Call<'_>) -> Answer {
        let segments: Vec<&str> = call.path.trim_matches('/').split('/').skip(1).collect();
        let id = |text: &str| text.parse::<u64>().unwrap_or(0);
        match (call.method, segments.as_slice()) {
            ("GET", ["contacts"]) => self.with(|store| match list::select(&store.contacts, &call.query) {
                Ok((total, page)) => (200, list::answer("contacts", total, page.iter().map(|contact| (contact.id, store.show(contact))))),
                Err(message) => (500, error(500, &message, "")),
            }),
            ("GET", ["contacts", "list", "owners"]) => {
                self.with(|store| (200, store.users.iter().map(|user| json!({"id": user.id, "firstName": user.username, "lastName": ""})).collect()))
            }
            ("GET", ["users"]) => self.with(|store| {
                let users = store.users.iter().map(|user| {
                    json!({"id": user.id, "username": user.username, "email": user.email, "firstName": user.username, "lastName": "",
                           "isPublished": user.published})
                });
                (200, json!({"total": store.users.len().to_string(), "users": users.collect::<Vec<_>>()}))
            }),
            ("GET", ["contacts", contact]) => self.found(id(contact)),
            ("GET", ["contacts", contact, "companies"]) => {
                self.with(|store| store.companies_of(id(contact)).map_or_else(not_found, |companies| (200, companies)))
            }
            ("GET", ["fields", "contact"]) => self.with(|store| (200, show::fields(&store.fields, "lead"))),
            ("GET", ["fields", "company"]) => self.with(|store| (200, show::fields(&store.company_fields, "company"))),
            ("POST", ["contacts", "new"]) => self.create(&call.object()).await,
            ("POST", ["contacts", "batch", "new"]) => self.batch(call, Batch { companies: false, method: None }).await,
            (method @ ("PUT" | "PATCH"), ["contacts", "batch", "edit"]) => {
                self.batch(call, Batch { companies: false, method: Some(writing(method)) }).await
            }
            (method @ ("PUT" | "PATCH"), ["contacts", contact, "edit"]) => self.edit(id(contact), &call.object(), writing(method)).await,
            ("POST", ["contacts", contact, "dnc", channel, how @ ("add" | "remove")]) => {
                let reason = call.object().get("reason").map_or(Some(3), Value::as_i64).unwrap_or(0);
                self.do_not_contact(id(contact), channel, (*how == "add").then_some(reason)).await
            }
            ("GET", ["companies"]) => self.with(|store| match list::select(&store.companies, &call.query) {
                Ok((total, page)) => (200, list::answer("companies", total, page.iter().map(|company| (company.id, store.show_company(company))))),
                Err(message) => (500, error(500, &message, "")),
            }),
            ("GET", ["companies", company]) => self.found_company(id(company)),
            ("POST", ["companies", "new"]) => self.create_company(&call.object()).await,
            ("POST", ["companies", "batch", "new"]) => self.batch(call, Batch { companies: true, method: None }).await,
            (method @ ("PUT" | "PATCH"), ["companies", "batch", "edit"]) => {
                self.batch(call, Batch { companies: true, method: Some(writing(method)) }).await
            }
            (method @ ("PUT" | "PATCH"), ["companies", company, "edit"]) => self.edit_company(id(company), &call.object(), writing(method)).await,
            ("DELETE", ["companies", company, "delete"]) => self.delete_company(id(company)).await,
            ("POST", ["companies", company, "contact", contact, how @ ("add" | "remove")]) => {
                self.belong(id(company), id(contact), *how == "add").await
            }
            ("POST", ["hooks", "new"]) => self.hook(&call.object()),
            _ => not_found(),
        }
    }

    fn found(&self, id: u64) -> Answer {
        self.with(|store| store.contacts.get(&id).map_or_else(not_found, |contact| (200, json!({"contact": store.show(contact)}))))
    }

    async fn create(&self, params: &Map<String, Value>) -> Answer {
        let now = self.now();
        let Written { id, new, .. } = self.with(|store| store.create(params, now));
        self.tell_saved(id, new).await;
        (if new { 201 } else { 200 }, self.found(id).1)
    }

    async fn edit(&self, id: u64, params: &Map<String, Value>, method: Method) -> Answer {
        let now = self.now();
        let Some(written) = self.with(|store| store.change(id, params, method, now)) else {
            // PUT makes what is not there.
            return if method == Method::Put { self.create(params).await } else { not_found() };
        };
        self.tell_saved(written.id, false).await;
        if let Some(loser) = written.merged {
            let mut gone = self.with(|store| store.show(&loser));
            if let Some(gone) = gone.as_object_mut() {
                gone.insert("id".to_owned(), Value::Null);
            }
            self.tell("lead_post_delete", json!({"id": loser.id, "contact": gone})).await;
        }
        self.found(written.id)
    }

    /// A batch of contacts or companies: each item is answered with a status of its own.
    async fn batch(&self, call: &Call<'_>, Batch { companies, method }: Batch) -> Answer {
        let items = match call.json() {
            Value::Array(items) => items,
            Value::Object(items) => items.into_iter().map(|(_, item)| item).collect(),
            _ => return (400, error(400, "Bad request", "")),
        };
        if items.len() > MOST {
            return (500, error(500, "Batch limit exceeded", ""));
        }
        let (one, many) = if companies { ("company", "companies") } else { ("contact", "contacts") };
        let (mut found, mut statuses, mut errors) = (Vec::new(), Vec::new(), Map::new());
        for (n, item) in items.iter().enumerate() {
            let params = item.as_object().cloned().unwrap_or_default();
            let id = params.get("id").and_then(|id| id.as_u64().or_else(|| id.as_str()?.parse().ok())).unwrap_or(0);
            let (status, answer) = match (method, companies) {
                (Some(method), false) => self.edit(id, &params, method).await,
                (None, false) => self.create(&params).await,
                (Some(method), true) => self.edit_company(id, &params, method).await,
                // A batch looks for no company of the same name.
                (None, true) => self.create_company(&forced(params)).await,
            };
            statuses.push(status);
            found.push(answer.get(one).cloned().unwrap_or_default());
            if status >= 400 {
                errors.insert(n.to_string(), json!({"code": status, "message": "Item was not found.", "details": []}));
            }
        }
        let mut answer = json!({many: found, "statusCodes": statuses});
        if let (false, Some(answer)) = (errors.is_empty(), answer.as_object_mut()) {
            answer.insert("errors".to_owned(), Value::Object(errors));
        }
        (if method.is_some() { 200 } else { 201 }, answer)
    }

    async fn do_not_contact(&self, id: u64, channel: &str, reason: Option<i64>) -> Answer {
        let now = self.now();
        let Some(before) = self.with(|store| store.contacts.get(&id).map(|contact| contact.do_not_contact.clone())) else { return not_found() };
        if reason == Some(0) {
            return (400, error(400, "Invalid reason code given", ""));
        }
        let was = before.iter().any(|entry| entry.channel == channel);
        let changed = self.with(|store| store.set_do_not_contact(id, channel, reason, now));
        let (_, mut answer) = self.found(id);
        if changed {
            let name = |on: bool| if on { "manual" } else { "contactable" };
            let contact = answer.get("contact").cloned();
            let item = json!({"contact": contact, "channel": channel, "old_status": name(was), "new_status": name(reason.is_some())});
            self.tell("lead_channel_subscription_changed", item).await;
        }
        if let (None, Some(answer)) = (reason, answer.as_object_mut()) {
            answer.insert("recordFound".to_owned(), json!(was));
        }
        (200, answer)
    }

    fn hook(&self, params: &Map<String, Value>) -> Answer {
        let text = |name: &str| params.get(name).and_then(Value::as_str).map(str::to_owned);
        let now = self.now();
        self.with(|store| {
            let id = store.fresh_id();
            let secret = text("secret").unwrap_or_else(|| format!("secret-{id}"));
            let triggers = params.get("triggers").and_then(Value::as_array).into_iter().flatten();
            let triggers: Vec<String> = triggers.filter_map(|trigger| trigger.as_str().map(str::to_owned)).collect();
            let hook = Hook { id, url: text("webhookUrl").unwrap_or_default(), triggers, secret };
            let answer = json!({"hook": {"id": id, "name": text("name"), "webhookUrl": hook.url, "triggers": hook.triggers,
                                         "secret": hook.secret, "dateAdded": iso(now)}});
            store.hooks.push(hook);
            (201, answer)
        })
    }
}

fn forced(mut params: Map<String, Value>) -> Map<String, Value> {
    params.insert("force".to_owned(), json!(true));
    params
}

fn writing(method: &str) -> Method {
    if method == "PUT" { Method::Put } else { Method::Patch }
}

pub(crate) fn not_found() -> Answer {
    (404, error(404, "Item was not found.", ""))
}
