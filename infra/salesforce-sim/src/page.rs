//! The org for people: `GET /` lists objects, `/o/X` its records, `/r/X/ID` one record with its activities.
//! Reads as the first user and needs no login: it is a window into a simulator, not part of Salesforce.

use http::Method;
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::http::html::{escape, page};
use crate::http::reply::Reply;
use crate::http::request::{Call, HostRole};
use crate::id::Id;
use crate::org::{Org, QueryScope, Session};
use crate::service::World;

/// Records on one list page.
const PER_PAGE: usize = 50;
/// Columns of a list beside the name, where the object has them.
const COLUMNS: &[&str] = &[
    "Email",
    "Company",
    "Title",
    "Status",
    "Subject",
    "StartDateTime",
    "ActivityDate",
    "CampaignId",
    "LeadId",
    "ContactId",
    "WhoId",
    "AccountId",
    "IsActive",
    "OwnerId",
    "LastModifiedDate",
];

/// Answers a page.
pub(crate) fn handle(world: &mut World, call: &Call) -> Reply {
    let parts: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let Some(user) = world.org.users().next().map(|user| user.id) else {
        return missing("This org has no user.");
    };
    let session = world.org.edit_as(user);
    let (org, login_only) = (&world.org, call.host == HostRole::Login);
    if call.method != Method::GET && call.method != Method::HEAD {
        return missing("Pages are only read.");
    }
    let found = match parts.as_slice() {
        [] if login_only => return Reply::redirect(format!("{}/", world.instance_url)),
        [] => Ok(home(org, &session)),
        ["o", sobject] => list(org, &session, sobject, call),
        ["r", sobject, id] => record(org, &session, sobject, id),
        ["lightning", "r", sobject, id, "view"] => Ok(Reply::redirect(format!("/r/{sobject}/{id}"))),
        [id] => return by_id(org, &session, id),
        _ => return missing("There is no such page."),
    };
    found.unwrap_or_else(|error| missing(&error.message))
}

fn missing(text: &str) -> Reply {
    frame(404, "Not found", &format!("<section class=\"card\"><h1>Not found</h1><p>{}</p></section>", escape(text)), "")
}

fn frame(status: u16, title: &str, body: &str, crumb: &str) -> Reply {
    let header = format!("<header><b><a href=\"/\">Simulated Salesforce</a></b><span>{crumb}</span></header>");
    page(status, &format!("{title} | Simulated Salesforce"), &format!("{header}<main>{body}</main>"))
}

fn objects(org: &Org, session: &Session) -> Vec<Value> {
    org.describe_global(session).get("sobjects").and_then(Value::as_array).cloned().unwrap_or_default()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn home(org: &Org, session: &Session) -> Reply {
    let rows: String = objects(org, session)
        .iter()
        .map(|object| {
            let name = escape(text(object, "name"));
            let count = org.count(text(object, "name")).unwrap_or(0);
            let label = escape(text(object, "labelPlural"));
            format!("<tr><td><a href=\"/o/{name}\">{label}</a></td><td class=\"soft\">{name}</td><td class=\"n\">{count}</td></tr>")
        })
        .collect();
    let users: String = org
        .users()
        .map(|user| {
            let state = if user.active { "" } else { " (inactive)" };
            format!(
                "<tr><td>{}{state}</td><td>{}</td><td class=\"soft\">{}</td></tr>",
                escape(&user.name),
                escape(&user.username),
                escape(&user.profile)
            )
        })
        .collect();
    let name = escape(&org.organization().name);
    let body = format!(
        "<section class=\"card\"><h1>{name}</h1><p class=\"soft\">{} · {}</p></section>\
         <section class=\"card\"><h2>Objects</h2><table><tr><th>Object</th><th>API name</th><th>Records</th></tr>{rows}</table></section>\
         <section class=\"card\"><h2>Users</h2><table><tr><th>Name</th><th>Username</th><th>Profile</th></tr>{users}</table></section>",
        escape(&org.organization().edition),
        org.organization_id(),
    );
    frame(200, &org.organization().name, &body, "")
}

/// Field names of an object that a query can select.
fn fields(org: &Org, session: &Session, sobject: &str) -> Result<(String, Vec<Value>), ApiError> {
    let describe = org.describe(session, sobject)?;
    let name = text(&describe, "name").to_owned();
    let fields = describe.get("fields").and_then(Value::as_array).cloned().unwrap_or_default();
    Ok((name, fields.into_iter().filter(|field| !matches!(text(field, "type"), "address" | "location")).collect()))
}

/// All records of an object with all fields.
pub(crate) fn all_records(org: &Org, session: &Session, sobject: &str, scope: QueryScope) -> Result<Vec<Value>, ApiError> {
    let (name, fields) = fields(org, session, sobject)?;
    let names: Vec<&str> = fields.iter().map(|field| text(field, "name")).collect();
    Ok(org.query(session, &format!("SELECT {} FROM {name}", names.join(", ")), scope)?.records)
}

fn list(org: &Org, session: &Session, sobject: &str, call: &Call) -> Result<Reply, ApiError> {
    let (sobject, fields) = fields(org, session, sobject)?;
    let name_field = fields.iter().find(|field| field.get("nameField") == Some(&Value::Bool(true))).map_or("Id", |field| text(field, "name"));
    let mut columns = vec![name_field];
    let has = |name: &&str| fields.iter().any(|field| text(field, "name") == *name);
    columns.extend(COLUMNS.iter().copied().filter(|name: &&str| has(name) && *name != name_field).take(6));
    let number: usize = call.param("page").and_then(|page| page.parse().ok()).unwrap_or(1).max(1);
    let cursor = org.open_query(session, &format!("SELECT Id, {} FROM {sobject}", without_id(&columns)), QueryScope::Live)?;
    let from = (number - 1).saturating_mul(PER_PAGE);
    let records = if from < cursor.len() { org.page(session, &cursor, from, PER_PAGE) } else { Vec::new() };
    let head: String = columns.iter().map(|name| format!("<th>{}</th>", escape(name))).collect();
    let rows: String = records.iter().map(|record| list_row(org, session, &sobject, &columns, record)).collect();
    let pages = cursor.len().div_ceil(PER_PAGE).max(1);
    let turn = |to: usize, word: &str| format!("<a href=\"/o/{}?page={to}\">{word}</a> ", escape(&sobject));
    let back = if number > 1 { turn(number - 1, "← previous") } else { String::new() };
    let on = if number < pages { turn(number + 1, "next →") } else { String::new() };
    let title = escape(&sobject);
    let body = format!(
        "<section class=\"card\"><h1>{title}</h1><p class=\"soft\">{} records, page {number} of {pages} {back}{on}</p>\
         <table><tr>{head}</tr>{rows}</table></section>",
        cursor.total()
    );
    Ok(frame(200, &sobject, &body, &title))
}

fn without_id(columns: &[&str]) -> String {
    let rest: Vec<&str> = columns.iter().copied().filter(|name| *name != "Id").collect();
    if rest.is_empty() { "CreatedDate".to_owned() } else { rest.join(", ") }
}

fn list_row(org: &Org, session: &Session, sobject: &str, columns: &[&str], record: &Value) -> String {
    let id = text(record, "Id");
    let cells: String = columns
        .iter()
        .enumerate()
        .map(|(place, name)| {
            let value = record.get(*name).unwrap_or(&Value::Null);
            if place == 0 {
                let shown = if value.is_null() { id.to_owned() } else { plain(value) };
                return format!("<td><a href=\"/r/{}/{}\">{}</a></td>", escape(sobject), escape(id), escape(&shown));
            }
            format!("<td>{}</td>", shown(org, session, name, value))
        })
        .collect();
    format!("<tr>{cells}</tr>")
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A value as HTML; ids of known objects are links.
fn shown(org: &Org, session: &Session, name: &str, value: &Value) -> String {
    let text = plain(value);
    let is_reference = name.ends_with("Id") || name.ends_with("__c");
    match Id::parse(&text).ok().filter(|_| is_reference && text.len() == 18).and_then(|id| object_of(org, session, id)) {
        Some(sobject) => format!("<a href=\"/r/{}/{text}\">{text}</a>", escape(&sobject)),
        None => format!("<pre>{}</pre>", escape(&text)),
    }
}

fn object_of(org: &Org, session: &Session, id: Id) -> Option<String> {
    let prefix = id.prefix();
    let all = objects(org, session);
    all.iter().find(|object| text(object, "keyPrefix") == prefix.as_str()).map(|object| text(object, "name").to_owned())
}

fn by_id(org: &Org, session: &Session, id: &str) -> Reply {
    match Id::parse(id).ok().and_then(|id| Some((object_of(org, session, id)?, id))) {
        Some((sobject, id)) => Reply::redirect(format!("/r/{sobject}/{id}")),
        None => missing("There is no such page."),
    }
}

fn record(org: &Org, session: &Session, sobject: &str, id: &str) -> Result<Reply, ApiError> {
    let record = org.retrieve(session, sobject, id, None)?;
    let sobject = record.pointer("/attributes/type").and_then(Value::as_str).unwrap_or(sobject).to_owned();
    let empty = Map::new();
    let rows: String = record
        .as_object()
        .unwrap_or(&empty)
        .iter()
        .filter(|(name, value)| *name != "attributes" && !value.is_null())
        .map(|(name, value)| format!("<tr><th>{}</th><td>{}</td></tr>", escape(name), shown(org, session, name, value)))
        .collect();
    let title = [text(&record, "Name"), text(&record, "Subject"), id].into_iter().find(|text| !text.is_empty()).unwrap_or_default().to_owned();
    let object = escape(&sobject);
    let body = format!(
        "<section class=\"card\"><p class=\"soft\">{object}</p><h1>{}</h1><table>{rows}</table></section>{}",
        escape(&title),
        timeline(org, session, text(&record, "Id"))
    );
    Ok(frame(200, &title, &body, &format!("<a href=\"/o/{object}\">{object}</a>")))
}

/// Tasks, events and campaign memberships of a record, newest first.
fn timeline(org: &Org, session: &Session, id: &str) -> String {
    let sources = [
        ("Event", format!("SELECT Id, Subject, StartDateTime, Description FROM Event WHERE WhoId = '{id}'"), "StartDateTime"),
        ("Event", format!("SELECT Id, Subject, StartDateTime, Description FROM Event WHERE WhatId = '{id}'"), "StartDateTime"),
        ("Task", format!("SELECT Id, Subject, ActivityDate, Description, CreatedDate FROM Task WHERE WhoId = '{id}'"), "CreatedDate"),
        ("Task", format!("SELECT Id, Subject, ActivityDate, Description, CreatedDate FROM Task WHERE WhatId = '{id}'"), "CreatedDate"),
        ("CampaignMember", format!("SELECT Id, Status, CreatedDate FROM CampaignMember WHERE LeadId = '{id}'"), "CreatedDate"),
        ("CampaignMember", format!("SELECT Id, Status, CreatedDate FROM CampaignMember WHERE ContactId = '{id}'"), "CreatedDate"),
        ("CampaignMember", format!("SELECT Id, Status, CreatedDate FROM CampaignMember WHERE CampaignId = '{id}'"), "CreatedDate"),
    ];
    let mut lines: Vec<(String, String)> = Vec::new();
    for (sobject, soql, when) in sources {
        let Ok(answer) = org.query(session, &soql, QueryScope::Live) else {
            continue;
        };
        for entry in &answer.records {
            let title = [text(entry, "Subject"), text(entry, "Status"), text(entry, "Id")].into_iter().find(|text| !text.is_empty());
            let line = format!(
                "<div class=\"line\"><span class=\"soft\">{sobject} · {}</span><br><a href=\"/r/{sobject}/{}\">{}</a><pre>{}</pre></div>",
                escape(text(entry, when)),
                escape(text(entry, "Id")),
                escape(title.unwrap_or_default()),
                escape(text(entry, "Description")),
            );
            lines.push((text(entry, when).to_owned(), line));
        }
    }
    if lines.is_empty() {
        return String::new();
    }
    lines.sort_by(|a, b| b.0.cmp(&a.0));
    let lines: String = lines.into_iter().map(|(_, line)| line).collect();
    format!("<section class=\"card\"><h2>Activity</h2>{lines}</section>")
}
