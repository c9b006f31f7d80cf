//! Mautic's webhooks: one key per trigger, with a list of what happened.
//!
//! Mautic gives its deliveries no ids, so an event's id is the hash of its content. Source: Mautic 5, `WebhookBundle` and
//! `LeadBundle/EventListener/WebhookSubscriber.php`.

use serde_json::{Map, Value};

use super::id_of;
use crate::domain::{
    event::EventFault,
    mautic::{Company, EMAIL, person},
};

/// What every trigger's name begins with.
const PREFIX: &str = "mautic.";

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
    // Which company somebody belongs to from now on. What it is like is read by the API.
    if data.get("added") == Some(&Value::Bool(true))
        && let Some(company) = data.get("company").and_then(Company::parse)
    {
        event.insert("company".to_owned(), Value::Object(company.identity()));
    }
    event.insert("data".to_owned(), Value::Object(data));
    let id = id_of(&Value::Object(event.clone()));
    event.insert("id".to_owned(), id);
    Some(Value::Object(event))
}
