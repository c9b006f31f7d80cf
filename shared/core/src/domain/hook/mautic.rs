//! Mautic's webhooks: one key per trigger, with a list of what happened.
//!
//! Mautic gives its deliveries no ids, so an event's id is the hash of its content. Source: Mautic 5, `WebhookBundle` and
//! `LeadBundle/EventListener/WebhookSubscriber.php`.

use serde_json::{Map, Value};

use super::id_of;
use crate::domain::event::EventFault;

/// What every trigger's name begins with.
const PREFIX: &str = "mautic.";
/// The channel whose "do not contact" Salesforce has a field for.
const EMAIL: &str = "email";

/// The delivery's events in our own shape, to be checked. What is about no contact (companies, segments alone) is no event.
pub(super) fn events(body: &Value) -> Result<Vec<Value>, Vec<EventFault>> {
    let fault = |place: &str, message: &str| vec![EventFault { place: place.to_owned(), message: message.to_owned() }];
    let Some(triggers) = body.as_object() else { return Err(fault("body", "Mautic sends an object with a list for each trigger.")) };
    let mut events = Vec::new();
    for (trigger, items) in triggers {
        let Some(kind) = trigger.strip_prefix(PREFIX) else { return Err(fault(trigger, "This is not a trigger of Mautic.")) };
        let Some(items) = items.as_array() else { return Err(fault(trigger, "This must be a list.")) };
        events.extend(items.iter().filter_map(|item| event(kind, item)));
    }
    Ok(events)
}

fn event(kind: &str, item: &Value) -> Option<Value> {
    let contact = item.get("contact").or_else(|| item.get("lead")).or_else(|| item.get("submission")?.get("lead"))?;
    let mut data: Map<String, Value> = item.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect();
    for known in ["contact", "lead", "timestamp"] {
        data.remove(known);
    }
    let mut event = Map::new();
    event.insert("type".to_owned(), Value::from(kind));
    event.extend(item.get("timestamp").map(|at| ("occurred_at".to_owned(), at.clone())));
    // After a deletion the contact itself has no id any more.
    let mut person = person(contact, data.remove("id"));
    if data.get("channel").is_some_and(|channel| channel == EMAIL)
        && let Some(status) = data.get("new_status").and_then(Value::as_str)
    {
        person.insert("do_not_contact".to_owned(), Value::from(status != "contactable"));
    }
    event.insert("person".to_owned(), Value::Object(person));
    event.insert("data".to_owned(), Value::Object(data));
    let id = id_of(&Value::Object(event.clone()));
    event.insert("id".to_owned(), id);
    Some(Value::Object(event))
}

/// The contact's fields by alias, beside what stands next to them: id, points, tags, owner, and whether e-mail is not to be used.
fn person(contact: &Value, id: Option<Value>) -> Map<String, Value> {
    let mut person = Map::new();
    let fields = contact.get("fields").and_then(Value::as_object);
    for (group, fields) in fields.into_iter().flatten() {
        for (alias, field) in fields.as_object().into_iter().flatten() {
            // "all" has plain values, the other groups have a description with the value in it.
            let value = if group == "all" { Some(field) } else { field.get("value") };
            person.extend(value.filter(|value| !value.is_null()).map(|value| (alias.clone(), value.clone())));
        }
    }
    for known in ["points", "dateAdded", "dateModified"] {
        person.extend(contact.get(known).filter(|value| !value.is_null()).map(|value| (known.to_owned(), value.clone())));
    }
    let tags = contact.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(|tag| tag.get("tag").cloned());
    person.insert("tags".to_owned(), Value::Array(tags.collect()));
    let owner = contact.get("owner").and_then(|owner| owner.get("username")).cloned();
    person.extend(owner.map(|owner| ("owner".to_owned(), owner)));
    if let Some(entries) = contact.get("doNotContact").and_then(Value::as_array) {
        let email = entries.iter().any(|entry| entry.get("channel").is_some_and(|channel| channel == EMAIL));
        person.insert("do_not_contact".to_owned(), Value::from(email));
    }
    let id = contact.get("id").filter(|id| !id.is_null()).cloned().or(id);
    person.extend(id.map(|id| ("id".to_owned(), id)));
    person
}
