//! The tenants' documents and orgs.

use salesforce_sim::{
    Seed,
    seed::{CustomField, CustomFieldKind, RecordSeed, Rewrite, RewriteKind},
};
use serde_json::{Value, json};

use crate::{
    history::{TENANTS, address},
    plan::Plan,
    world::{
        org::{PUBLIC, login},
        platform::HOOKS,
    },
};

/// The org's own field for what the platform alone says.
pub const BADGE: &str = "Badge__c";

/// The field for badges, as it is unless an administrator has changed it.
#[must_use]
pub fn badge(sobject: &str) -> CustomField {
    let kind = CustomFieldKind::Text { length: 40 };
    CustomField { sobject: sobject.to_owned(), name: BADGE.to_owned(), kind, ..CustomField::default() }
}

/// What a tenant's second document changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing that a value depends on.
    Nothing,
    /// Whose the title is: it was Salesforce's, and is the platform's.
    Overrule,
    /// The phone is not sent any more.
    Unmap,
    /// Meetings make no activities any more.
    Silence,
}

impl Change {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Nothing, Self::Overrule, Self::Unmap, Self::Silence];

    fn apply(self, document: &mut Value) {
        for mapping in ["lead", "contact"] {
            let Some(rules) = document["mappings"][mapping]["fields"].as_array_mut() else { continue };
            match self {
                Self::Overrule => rules.iter_mut().filter(|rule| rule["to"] == "Title").for_each(|rule| rule["strategy"] = json!("always_platform")),
                Self::Unmap => rules.retain(|rule| rule["to"] != "Phone"),
                Self::Nothing | Self::Silence => {}
            }
        }
        if self == Self::Silence {
            document["workflows"][0]["actions"] = json!([{"person": {}}]);
        }
    }
}

/// A tenant's document: the first one, or with a later `remark`, which changes with each version, the second one.
#[must_use]
pub fn document(tenant: usize, remark: usize, plan: &Plan) -> Value {
    let id = TENANTS[tenant];
    let fields = json!([
        {"from": "person.email", "to": "Email", "strategy": "always_platform"},
        {"from": "person.last_name", "to": "LastName", "strategy": "always_platform"},
        {"from": "person.first_name", "to": "FirstName", "strategy": "most_recent"},
        {"from": "person.job", "to": "Title", "strategy": "always_salesforce"},
        {"from": "person.phone", "to": "Phone", "strategy": "fill_if_blank"},
        {"from": "person.badge", "to": BADGE, "strategy": "always_platform"},
    ]);
    let mut lead = fields.as_array().cloned().unwrap_or_default();
    lead.push(json!({"from": "person.company", "to": "Company", "strategy": "fill_if_blank"}));
    let mut document = json!({
        "connection": {
            "id": id, "name": format!("{id} {remark}"), "time_zone": "Europe/Paris", "language": "en", "contacts": [contact(id)]
        },
        "source": {"id": id},
        "platform": {"name": "Simulated"},
        "salesforce": {"host": {"url": login(id)}, "auth": {"web_server": {"client_id": client_id(id)}}},
        "people": {
            "when_unknown": "lead", "lead_mapping": "lead", "contact_mapping": "contact", "update_leads": "on", "update_contacts": "on",
            "overwrite": "off"
        },
        "mappings": {"lead": {"object": "Lead", "fields": lead}, "contact": {"object": "Contact", "fields": fields}},
        "workflows": [
            {"name": "met", "trigger": "met", "actions": [{"person": {}}, {"activity": {"object": "Event", "subject": "met {{ event.id }} {{ person.last_name }}"}}]},
            {"name": "unsubscribed", "trigger": "unsubscribed", "actions": [{"unsubscribe": {}}]}
        ],
        "projects": {"unlisted": "accept"}
    });
    if plan.reconciling().contains(&tenant) {
        both_ways(&mut document, tenant, plan);
    }
    if let Some(cap) = plan.cap {
        document["salesforce"]["api_calls"] = json!({"per_day": cap});
    }
    if remark > 0 {
        plan.changes[tenant].apply(&mut document);
    }
    document
}

/// Runs compare both sides: what Salesforce says comes to the platform, too.
fn both_ways(document: &mut Value, tenant: usize, plan: &Plan) {
    for mapping in ["lead", "contact"] {
        let Some(rules) = document["mappings"][mapping]["fields"].as_array_mut() else { continue };
        for rule in rules.iter_mut() {
            match rule["to"].as_str().unwrap_or_default() {
                // The org's own automation makes something else of it.
                "Company" => (rule["strategy"], rule["direction"]) = (json!("most_recent"), json!("both")),
                "FirstName" | "Title" | "Phone" => rule["direction"] = json!("both"),
                _ => {}
            }
        }
        rules.push(json!({"from": "person.note", "to": "Description", "strategy": "fill_if_blank", "direction": "both"}));
        rules.push(json!({"from": "person.unsubscribed", "to": "HasOptedOutOfEmail", "strategy": "most_recent", "direction": "both"}));
    }
    let texts = ["first_name", "last_name", "job", "company", "note", "badge"].map(|name| json!({"name": format!("person.{name}"), "type": "text"}));
    let others = [
        json!({"name": "person.email", "type": "email"}),
        json!({"name": "person.phone", "type": "phone"}),
        json!({"name": "person.unsubscribed", "type": "boolean"}),
        json!({"name": "person.gone", "type": "boolean"}),
    ];
    document["platform"]["attributes"] = texts.into_iter().chain(others).collect();
    if plan.listening().contains(&tenant) {
        document["platform"]["webhook"] = json!({"url": format!("https://{HOOKS}/{}", TENANTS[tenant])});
    }
    document["reconciliation"] = json!({"push": "on", "pull": "on", "deleted": "person.gone", "overlap_minutes": 2});
    if let Some(above) = plan.bulk_above(tenant) {
        document["reconciliation"]["bulk_above"] = json!(above);
    }
}

/// Who is told when something needs a person.
#[must_use]
pub fn contact(tenant: &str) -> String {
    format!("help@{tenant}.example")
}

fn client_id(tenant: &str) -> String {
    format!("key-of-{tenant}")
}

/// The consumer secret of a tenant's app; it must never be seen.
#[must_use]
pub fn client_secret(tenant: &str) -> String {
    format!("planted-secret-of-{tenant}-5f1c0e9a77")
}

/// A tenant's org, with those whom it knows before anything begins.
#[must_use]
pub fn seed(tenant: usize, plan: &Plan) -> Seed {
    let (history, id) = (&plan.history, TENANTS[tenant]);
    let mut seed = if plan.keyed[tenant] { Seed::demo() } else { Seed::demo().without_external_ids() };
    seed.custom_fields.extend(["Lead", "Contact"].map(badge));
    seed.doubts.index_lag_seconds = plan.org_lag_seconds(tenant);
    for app in &mut seed.apps {
        app.client_id = client_id(id);
        app.secret = Some(client_secret(id));
        app.callback_urls.push(format!("{PUBLIC}/oauth/{id}/callback"));
    }
    if plan.reconciling().contains(&tenant) {
        seed.rewrites.push(Rewrite { sobject: "Lead".to_owned(), field: "Company".to_owned(), kind: RewriteKind::Upper });
    }
    for (_, person, object) in history.known.iter().filter(|(known, ..)| *known == tenant) {
        let mut fields = json!({"LastName": format!("{id}-{person}x0"), "Email": address(*person, 0), "Title": format!("{id} there before")});
        if *object == "Lead" {
            fields["Company"] = json!(format!("{id} company"));
        }
        let fields = fields.as_object().cloned().unwrap_or_default();
        seed.records.push(RecordSeed { sobject: (*object).to_owned(), fields, label: None, by: None, hidden_from: Vec::new() });
    }
    seed
}
