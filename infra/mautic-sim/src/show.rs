//! Contacts, companies and fields as the API shows them.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::store::{Contact, Field, Store};

/// A time as the API writes it.
pub(crate) fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

impl Store {
    /// A contact: its fields by group, with their types, and once more all of them plainly.
    pub(crate) fn show(&self, contact: &Contact) -> Value {
        if self.garbled.contains(&contact.id) {
            return json!({"id": null, "fields": []});
        }
        let owner = contact.owner.and_then(|id| self.users.iter().find(|user| user.id == id));
        json!({
            "id": contact.id, "isPublished": true,
            "dateAdded": iso(contact.date_added), "dateModified": contact.date_modified.map(iso),
            "points": contact.value("points").as_i64().unwrap_or(0),
            "fields": grouped(contact, &self.fields),
            "owner": owner.map(|user| json!({"id": user.id, "username": user.username, "firstName": "", "lastName": ""})),
            "tags": contact.tags.iter().map(|tag| json!({"tag": tag})).collect::<Vec<_>>(),
            "doNotContact": contact.do_not_contact.iter().enumerate().map(|(n, entry)| json!({
                "id": n + 1, "dateAdded": iso(entry.date_added), "reason": entry.reason, "comments": "", "channel": entry.channel, "channelId": null,
            })).collect::<Vec<_>>(),
        })
    }

    pub(crate) fn show_company(&self, company: &Contact) -> Value {
        if self.garbled.contains(&company.id) {
            return json!({"id": null, "fields": []});
        }
        json!({"id": company.id, "score": 0,
               "fields": grouped(company, &self.company_fields)})
    }
}

fn grouped(contact: &Contact, fields: &[Field]) -> Value {
    let mut groups = Map::new();
    for group in ["core", "social", "personal", "professional"] {
        let of_group = fields.iter().enumerate().filter(|(_, field)| field.group == group);
        let described = of_group.map(|(n, field)| {
            let value = contact.value(&field.alias);
            let (alias, label) = (&field.alias, &field.label);
            (alias.clone(), json!({"id": n + 1, "label": label, "alias": alias, "type": field.kind, "group": group, "value": value}))
        });
        groups.insert(group.to_owned(), Value::Object(described.collect()));
    }
    let all: Map<String, Value> = fields.iter().map(|field| (field.alias.clone(), contact.value(&field.alias).clone())).collect();
    let mut all = Value::Object(all);
    if let Some(all) = all.as_object_mut() {
        all.insert("id".to_owned(), json!(contact.id));
    }
    groups.insert("all".to_owned(), all);
    Value::Object(groups)
}

/// The list of fields: an array, with a number for the total.
pub(crate) fn fields(fields: &[Field], object: &str) -> Value {
    let list = fields.iter().enumerate().map(|(n, field)| {
        json!({"id": n + 1, "label": field.label, "alias": field.alias, "type": field.kind, "group": field.group, "order": n + 1, "object": object,
               "isPublished": true, "isRequired": field.required, "isUniqueIdentifier": field.alias == "email", "defaultValue": field.default,
               "isPubliclyUpdatable": false, "properties": []})
    });
    json!({"total": fields.len(), "fields": list.collect::<Vec<_>>()})
}
