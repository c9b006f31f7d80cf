#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::{Value, json};

use super::*;

fn reader(format: Value) -> Reader {
    Reader::compile(&serde_json::from_value(format).unwrap()).unwrap()
}

fn read(format: Value, body: &Value) -> Vec<Value> {
    let events = reader(format).read(body.to_string().as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}"));
    events.iter().map(|event| serde_json::to_value(event).unwrap()).collect()
}

fn extraction() -> Value {
    json!({"extract": {
        "each": "body.scans",
        "id": "item.uuid",
        "type": "'card_' + item.action",
        "occurred_at": "item.at",
        "person": {"id": "item.guest.id", "email": "item.guest.mail", "last_name": "item.guest.name", "phone": "item.guest.phones[0]"},
        "project": {"id": "body.fair.code", "name": "body.fair.title"},
        "collaborator": {"email": "item.seller"},
        "data": "item.extra",
    }})
}

fn scan() -> Value {
    json!({"uuid": 17, "action": "shared", "at": "2026-03-01T14:05:00+01:00", "guest": {"id": 5, "mail": "a@example.org", "name": "A"},
           "seller": "s@example.org", "extra": {"stand": "B4"}})
}

#[test]
fn any_json_becomes_events_by_expressions() {
    let body = json!({"fair": {"code": 12, "title": "Spring fair"}, "scans": [scan()]});
    let want = json!([{
        "id": "17", "type": "card_shared", "occurred_at": "2026-03-01T13:05:00Z",
        "person": {"id": 5, "email": "a@example.org", "last_name": "A"},
        "project": {"id": "12", "name": "Spring fair"},
        "collaborator": {"email": "s@example.org"},
        "data": {"stand": "B4"},
    }]);
    assert_eq!(Value::from(read(extraction(), &body)), want);
}

#[test]
fn what_is_not_there_is_left_out_and_what_is_needed_is_named() {
    let mut bare = scan();
    bare["extra"].take();
    bare.as_object_mut().unwrap().remove("seller");
    let body = json!({"fair": {"code": "f"}, "scans": [bare]});
    let event = &read(extraction(), &body)[0];
    assert_eq!((event.get("collaborator"), event.get("data")), (None, None));

    let mut broken = scan();
    broken.as_object_mut().unwrap().remove("at");
    broken["guest"] = json!({"name": "nobody in particular"});
    let body = json!({"fair": {"code": "f"}, "scans": [scan(), broken]});
    let faults = reader(extraction()).read(body.to_string().as_bytes()).unwrap_err();
    let places: Vec<&str> = faults.iter().map(|fault| fault.place.as_str()).collect();
    assert_eq!(places, ["events[1].occurred_at", "events[1].person"]);

    let mut twisted = scan();
    twisted["action"] = json!(3);
    let faults = reader(extraction()).read(json!({"fair": {"code": "f"}, "scans": [twisted]}).to_string().as_bytes()).unwrap_err();
    assert!(faults[0].place == "events[0].type" && faults[0].message.contains("expression"), "{faults:?}");
    let faults = reader(extraction()).read(br#"{"scans": 3}"#).unwrap_err();
    assert_eq!(faults[0].place, "body");
}

#[test]
fn without_an_id_equal_content_is_one_event() {
    let format = json!({"extract": {"type": "'form'", "occurred_at": "item.t", "person": "item.who"}});
    let body = |t: i64| json!([{"t": t, "who": {"email": "a@example.org", "n": 1}}]);
    let id = |t| read(format.clone(), &body(t))[0]["id"].clone();
    assert_eq!(id(1_700_000_000), id(1_700_000_000));
    assert_ne!(id(1_700_000_000), id(1_700_000_001));
    // Seconds and milliseconds.
    let at = |t| read(format.clone(), &body(t))[0]["occurred_at"].clone();
    assert_eq!((at(1_700_000_000), at(1_700_000_000_000)), (json!("2023-11-14T22:13:20Z"), json!("2023-11-14T22:13:20Z")));
    // A text that our ids do not allow is no reason to refuse the event.
    let format = json!({"extract": {"id": "item.id", "type": "'form'", "occurred_at": "item.t", "person": "item.who"}});
    let event = read(format, &json!({"id": "a b#c", "t": 1, "who": {"id": "1"}})).remove(0);
    assert!(event["id"].as_str().unwrap().starts_with("sha256-"), "{event}");
}

#[test]
fn a_broken_expression_is_named_with_its_place_and_position() {
    let format = json!({"extract": {"type": "item.", "occurred_at": "item.t", "person": {"id": "item.id", "x": "1 +"}}});
    let faults = Reader::compile(&serde_json::from_value(format).unwrap()).unwrap_err();
    let places: Vec<&str> = faults.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(places, ["extract.type", "extract.person.x"]);
    assert!(faults[0].1.contains("1:"), "the position: {faults:?}");
}

/// As Mautic 5 writes it: fields by group, and once more all of them plainly.
fn contact() -> Value {
    let field =
        |id: u32, alias: &str, value: Value| json!({"id": id, "label": alias, "alias": alias, "type": "text", "group": "core", "value": value});
    json!({"id": 47, "points": 10, "dateAdded": "2024-10-24T15:00:00+00:00",
           "fields": {"core": {"firstname": field(1, "firstname", json!("Jeanne")), "email": field(2, "email", json!("jeanne@client.example"))},
                      "social": {"linkedin": field(3, "linkedin", Value::Null)}, "all": {"city": "Lyon"}},
           "owner": {"id": 1, "username": "sales@client.example", "firstName": "S", "lastName": "A"},
           "tags": [{"tag": "fair"}], "doNotContact": [{"id": 1, "channel": "email", "reason": 1, "channelId": null}]})
}

#[test]
fn mautic_webhooks_become_events() {
    let body = json!({
        "mautic.lead_post_save_update": [{"contact": contact(), "timestamp": "2024-10-24T15:54:35+00:00"}],
        "mautic.lead_channel_subscription_changed":
            [{"contact": contact(), "channel": "email", "old_status": "contactable", "new_status": "unsubscribed", "timestamp": "2024-10-24T15:55:00+00:00"}],
        "mautic.company_post_save": [{"company": {"id": 3}, "timestamp": "2024-10-24T15:55:00+00:00"}],
    });
    let mut events = read(json!("mautic"), &body);
    events.sort_by_key(|event| event["occurred_at"].to_string());
    let [saved, unsubscribed] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((&saved["type"], &saved["occurred_at"]), (&json!("lead_post_save_update"), &json!("2024-10-24T15:54:35Z")));
    let person = json!({"id": 47, "points": 10, "dateAdded": "2024-10-24T15:00:00+00:00", "firstname": "Jeanne", "email": "jeanne@client.example",
                        "linkedin": null, "city": "Lyon", "tags": ["fair"], "owner": "sales@client.example", "do_not_contact": true});
    assert_eq!(saved["person"], person);
    let data = json!({"channel": "email", "old_status": "contactable", "new_status": "unsubscribed"});
    assert_eq!(unsubscribed["person"]["do_not_contact"], json!(true));
    assert_eq!((&unsubscribed["type"], &unsubscribed["data"]), (&json!("lead_channel_subscription_changed"), &data));
    assert_ne!(saved["id"], unsubscribed["id"]);
    assert_eq!(read(json!("mautic"), &body).len(), 2, "the same again gives the same events");
}

#[test]
fn mautic_webhooks_about_nobody_and_deleted_contacts() {
    let nobody = json!({"mautic.company_post_save": [{"company": {"id": 3}, "timestamp": "2024-10-24T15:55:00+00:00"}]});
    assert_eq!(read(json!("mautic"), &nobody), [] as [Value; 0]);
    // A deleted contact's own id is gone; the trigger tells it.
    let mut gone = contact();
    gone["id"].take();
    let deleted = json!({"mautic.lead_post_delete": [{"id": 47, "contact": gone, "timestamp": "2024-10-24T15:55:00+00:00"}]});
    assert_eq!(read(json!("mautic"), &deleted)[0]["person"]["id"], json!(47));
    for body in [json!([]), json!({"other": []}), json!({"mautic.lead_post_save_new": {}})] {
        assert!(reader(json!("mautic")).read(body.to_string().as_bytes()).is_err(), "{body}");
    }
}
