//! Documents as tables: what is accepted and how it is written out, what is refused and where.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use serde_json::{Value, json};

use super::*;

fn document(change: impl Fn(&mut Value)) -> Value {
    let mut json = json!({
        "connection": {"id": "c", "name": "C", "time_zone": "Europe/Paris"},
        "source": {"id": "s"},
        "platform": {"name": "P"},
        "salesforce": {"host": "production", "auth": {"web_server": {"client_id": "k"}}},
        "people": {"lead_mapping": "lead"},
        "mappings": {"lead": {"object": "Lead", "fields": [{"from": "person.email", "to": "Email"}, {"from": "person.tags", "to": "Tags__c"}]}},
        "workflows": [{"name": "w", "trigger": "t", "actions": []}],
        "projects": {"list": {"p": {"name": "P"}}}
    });
    change(&mut json);
    json
}

#[test]
fn inwinks_short_form_is_a_mapping() {
    let pairs = json!({"firstname": "FirstName", "address.city": "City", "data.badge": "Badge__c"});
    let full = |object: &str| {
        json!({"object": object, "fields": [{"from": "person.address.city", "to": "City"}, {"from": "data.badge", "to": "Badge__c"},
            {"from": "person.firstname", "to": "FirstName"}]})
    };
    let sorted = |document: &Document, name: &str| {
        let mut mapping = document.mappings[&name.parse().unwrap()].clone();
        mapping.fields.sort_by(|a, b| a.to.cmp(&b.to));
        serde_json::to_value(mapping).unwrap()
    };
    let want = |object: &str| {
        let mut mapping: Mapping = serde_json::from_value(full(object)).unwrap();
        mapping.fields.sort_by(|a, b| a.to.cmp(&b.to));
        serde_json::to_value(mapping).unwrap()
    };
    // By the use that the people section makes of it, by its name, and for the fields alone.
    let by_use = parse_document(&document(|json| {
        json["people"]["lead_mapping"] = json!("visitors");
        json["mappings"] =
            json!({"visitors": pairs.clone(), "campaign-member": pairs.clone(), "account": {"object": "Account", "fields": pairs.clone()}});
    }))
    .unwrap();
    assert_eq!(sorted(&by_use, "visitors"), want("Lead"));
    assert_eq!(sorted(&by_use, "campaign-member"), want("CampaignMember"));
    assert_eq!(sorted(&by_use, "account"), want("Account"));
    // What is stored is the full form, and it reads as the same document.
    let stored = serde_json::to_value(&by_use).unwrap();
    assert_eq!(parse_document(&stored).unwrap(), by_use);
    // A short form whose object nobody knows says so.
    let faults = parse_document(&document(|json| json["mappings"]["whatever"] = pairs.clone())).unwrap_err();
    assert!(faults[0].place.starts_with("mappings.whatever"), "{faults:?}");
}

#[test]
fn broken_rules_are_refused_with_their_place() {
    type Change = fn(&mut Value);
    fn rule(json: &mut Value) -> &mut Value {
        &mut json["mappings"]["lead"]["fields"][0]
    }
    let table: [(Change, &str); 27] = [
        (|d| rule(d)["from"] = "email".into(), "mappings.lead.fields[0].from"),
        (|d| rule(d)["from"] = "person.".into(), "mappings.lead.fields[0].from"),
        (|d| rule(d)["from"] = "secrets.key".into(), "mappings.lead.fields[0].from"),
        (|d| rule(d)["transform"] = json!(["trim", {"replace": {"pattern": "(", "with": ""}}]), "mappings.lead.fields[0].transform[1].replace"),
        (|d| rule(d)["transform"] = json!([{"shout": {}}]), "mappings.lead.fields[0].transform[0]"),
        (|d| rule(d)["overflow"] = json!({"default": {"a": 1}}), "mappings.lead.fields[0].overflow.default"),
        (|d| rule(d)["overflow"] = json!({"default": "  "}), "mappings.lead.fields[0].overflow.default"),
        (
            |d| {
                rule(d)["direction"] = json!("both");
                rule(d)["transform"] = json!([{"hash": "sha256"}]);
            },
            "mappings.lead.fields[0].direction",
        ),
        (
            |d| {
                rule(d)["direction"] = json!("both");
                rule(d)["from"] = json!("data.x");
            },
            "mappings.lead.fields[0].direction",
        ),
        (|d| rule(d)["direction"] = "sideways".into(), "mappings.lead.fields[0].direction"),
        (|d| d["mappings"]["lead"]["static"] = json!({"Email": "x@y.fr"}), "mappings.lead.static.Email"),
        (|d| d["mappings"]["lead"]["static"] = json!({"Rating": {}}), "mappings.lead.static.Rating"),
        (|d| d["platform"]["attributes"] = json!([{"name": "person.email", "type": "email"}]), "mappings.lead.fields[1].from"),
        (
            |d| d["platform"]["attributes"] = json!([{"name": "person.email", "type": "email"}, {"name": "person.email", "type": "text"}]),
            "platform.attributes[1].name",
        ),
        (|d| d["platform"]["attributes"] = json!([{"name": "email", "type": "email"}]), "platform.attributes[0].name"),
        (
            |d| d["platform"]["attributes"] = json!([{"name": "person.email", "type": "email"}, {"name": "person.tags", "type": "picture"}]),
            "mappings.lead.fields[1].from",
        ),
        (
            |d| {
                d["platform"]["attributes"] = json!([{"name": "person.email", "type": "email"}, {"name": "person.tags", "type": "multi_select"}]);
                rule(d)["transform"] = json!(["trim", {"concat": {"with": ["person.tag"]}}]);
            },
            "mappings.lead.fields[0].transform[1]",
        ),
        (
            |d| {
                d["platform"]["attributes"] = json!([{"name": "person.email", "type": "email"}, {"name": "person.tags", "type": "multi_select"}]);
                rule(d)["transform"] = json!([{"template": "{{ value }} {{ person.emial }}"}]);
            },
            "mappings.lead.fields[0].transform[0]",
        ),
        (
            |d| d["workflows"][0]["actions"] = json!([{"activity": {"object": "Event", "subject": "{{ perosn.name }}"}}]),
            "workflows[0].actions[0].activity.subject",
        ),
        (
            |d| d["source"]["format"] = json!({"extract": {"type": "'a'", "occurred_at": "itm.at", "person": "item"}}),
            "source.format.extract.occurred_at",
        ),
        (|d| d["connection"]["country"] = "France".into(), "connection.country"),
        (|d| d["connection"]["contacts"] = serde_json::json!(["admin@customer.example", "the admin"]), "connection.contacts[1]"),
        (|d| d["projects"]["list"]["p"]["mappings"] = json!({"nobody": {}}), "projects.list.p.mappings.nobody"),
        // The default mapping of contacts, which has no such field; and none for leads, who have one of another name.
        (|d| d["projects"]["list"]["p"]["mappings"] = json!({"contact": {"unmapped": ["Phone"]}}), "projects.list.p.mappings.contact.unmapped"),
        (
            |d| {
                d["mappings"]["piste"] = d["mappings"]["lead"].take();
                d["mappings"].as_object_mut().unwrap().remove("lead");
                d["people"]["lead_mapping"] = json!("piste");
                d["projects"]["list"]["p"]["mappings"] = json!({"lead": {}});
            },
            "projects.list.p.mappings.lead",
        ),
        (|d| d["projects"]["list"]["p"]["mappings"] = json!({"lead": {"unmapped": ["Phone"]}}), "projects.list.p.mappings.lead.unmapped"),
        (
            |d| d["workflows"][0]["mappings"] = json!({"lead": {"fields": [{"from": "person.email", "to": "Email", "strategy": "never"}]}}),
            "workflows[0].mappings.lead.fields[0].strategy",
        ),
    ];
    for (change, place) in table {
        let faults = parse_document(&document(change)).unwrap_err();
        assert!(faults.iter().any(|fault| fault.place == place), "{place}: {faults:?}");
    }
}

/// A filter that cannot be read is refused with the position of the fault.
#[test]
fn a_broken_filter_tells_the_position() {
    let faults = parse_document(&document(|json| json["workflows"][0]["filter"] = json!("project.id == \n == 'a'"))).unwrap_err();
    assert_eq!(faults[0].place, "workflows[0].filter");
    assert!(faults[0].message.contains(":2:2"), "{}", faults[0].message);
    // So is a name that nothing has, with the one that was probably meant.
    let faults = parse_document(&document(|json| json["workflows"][0]["filter"] = json!("data.a == 1 &&\n  projet.id == 'a'"))).unwrap_err();
    assert!(faults[0].message.contains(":2:3: nothing is called projet; did you mean project?"), "{}", faults[0].message);
    let faults = parse_document(&document(|json| {
        json["platform"]["attributes"] = json!([{"name": "person.email", "type": "email"}, {"name": "person.tags", "type": "text"}]);
        json["mappings"]["lead"]["fields"][0]["from"] = json!("person.emial");
    }))
    .unwrap_err();
    assert!(faults[0].message.ends_with("or write person.email."), "{}", faults[0].message);
}

#[test]
fn strategies_are_inherited_from_field_to_project_to_connection() {
    use crate::domain::mapping::{By, FieldMaps, Scene};
    for (own, project_says, connection_says, want, by) in [
        ("most_recent", Some("on"), "on", Strategy::MostRecent, By::Rule),
        ("inherit", Some("on"), "off", Strategy::AlwaysPlatform, By::Project),
        ("inherit", Some("off"), "on", Strategy::FillIfBlank, By::Project),
        ("inherit", None, "on", Strategy::AlwaysPlatform, By::Connection),
        ("inherit", None, "off", Strategy::FillIfBlank, By::Connection),
    ] {
        let document = parse_document(&document(|json| {
            json["mappings"]["lead"]["fields"][0]["strategy"] = own.into();
            json["people"]["overwrite"] = connection_says.into();
            if let Some(says) = project_says {
                json["projects"]["list"]["p"]["overwrite"] = says.into();
            }
        }))
        .unwrap();
        let maps = FieldMaps::compile(&document).unwrap();
        let map = maps.named(&"lead".parse().unwrap()).unwrap();
        let rule = map.rule(&"Email".parse().unwrap(), &Scene::default()).unwrap();
        let effective = rule.strategy(document.projects.list.values().next(), &document.people);
        assert_eq!((effective.strategy, effective.by), (want, by), "{own} {project_says:?} {connection_says}");
    }
}
