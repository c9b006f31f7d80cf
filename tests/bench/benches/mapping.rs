//! Mapping and checking one person with 40 fields: the target is 50 µs or less.
//!
//! `cargo bench -p passerelle-bench --bench mapping`
#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use passerelle_core::domain::{
    config::parse_document,
    engine::Engine,
    mapping::{
        Rule, Scene, codec,
        merge::{Seen, Sighting, decide_event},
        preflight::{Fitted, Operation, fit},
    },
    schema::{Field, ObjectSchema},
};
use serde_json::{Map, Value, json};

/// Attribute, type of the field, value, transformations: each kind of work that rules do, phone numbers among them.
fn rows() -> Vec<(&'static str, &'static str, Value, Value)> {
    let none = || json!([]);
    let mut rows = vec![
        ("email", "email", json!("valentin.dumontier@kayo.example"), json!(["trim", "lower"])),
        ("first_name", "string", json!("VALENTIN"), json!(["capitalize"])),
        ("last_name", "string", json!("Dumontier"), none()),
        ("company", "string", json!("KAYO SAS"), none()),
        ("phone", "phone", json!("+33612345678"), json!([{"phone": {"form": "national"}}])),
        ("salutation", "picklist", json!("M"), json!([{"values": {"map": {"M": "Mr.", "Mme": "Ms."}}}])),
        ("job", "string", json!("Directeur"), json!([{"template": "{{ value }} ({{ person.company }})"}])),
        ("zip", "string", json!("F-75002"), json!([{"replace": {"pattern": "^F-", "with": ""}}])),
        ("met", "date", json!("01/03/2026"), json!([{"date_format": {"from": "%d/%m/%Y"}}])),
        ("seen", "datetime", json!("2026-03-01T14:05:00+01:00"), none()),
        ("budget", "currency", json!("12345.678"), none()),
        ("score", "double", json!(87), none()),
        ("fair", "boolean", json!(true), none()),
        ("tags", "multipicklist", json!(["Hot", "Cold"]), none()),
    ];
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z"];
    rows.extend(names.map(|name| (name, "string", json!("Une réponse de longueur moyenne à une question"), none())));
    rows
}

fn field(kind: &str) -> Field {
    let picklist = ["Mr.", "Ms.", "Hot", "Cold"].map(str::to_owned).to_vec();
    let restricted = kind.ends_with("picklist");
    Field {
        kind: kind.into(),
        length: 255,
        precision: 18,
        scale: 2,
        createable: true,
        updateable: true,
        nillable: true,
        restricted,
        picklist,
        ..Field::default()
    }
}

fn engine() -> Engine {
    let rules: Vec<Value> = rows()
        .into_iter()
        .map(|(name, _, _, transform)| json!({"from": format!("person.{name}"), "to": format!("{name}__c"), "strategy": "most_recent", "transform": transform}))
        .collect();
    let document = json!({
        "connection": {"id": "bench", "name": "Bench", "time_zone": "Europe/Paris", "country": "FR"},
        "source": {"id": "bench"},
        "platform": {"name": "Bench"},
        "salesforce": {"host": "production", "auth": {"web_server": {"client_id": "k"}}},
        "people": {"lead_mapping": "lead"},
        "mappings": {"lead": {"object": "Lead", "fields": rules}},
        "workflows": []
    });
    Engine::new(parse_document(&document).unwrap(), 1).unwrap()
}

fn map_and_check(rules: &[&Rule], engine: &Engine, schema: &ObjectSchema, person: &Map<String, Value>, at: Timestamp) -> usize {
    let other = |path: &str| person.get(path);
    let mut written = 0;
    for rule in rules {
        let field = schema.fields.get(&rule.to);
        let value = rule.from().and_then(other).unwrap_or(&Value::Null);
        let formed = rule.to_salesforce(value, &other, field, &engine.zone).unwrap();
        let Some(field) = field else { continue };
        let Fitted::Send(formed, _) = fit(&rule.overflow, field, formed, Operation::Update) else { continue };
        let policy = rule.policy(None, &engine.document.people);
        let seen = Seen::Value { value: &Value::Null, base: None, at: None };
        let same = |a: &Value, b: &Value| codec::same(Some(field), a, b);
        let decision = decide_event(&policy, Sighting { value: &formed, base: None, at: Some(at) }, seen, &same);
        written += usize::from(decision.write.is_some());
    }
    written
}

fn mapping(criterion: &mut Criterion) {
    let engine = engine();
    let fields = rows().into_iter().map(|(name, kind, ..)| (format!("{name}__c").parse().unwrap(), field(kind))).collect();
    let schema = ObjectSchema { object: "Lead".parse().unwrap(), fields };
    let person: Map<String, Value> = rows().into_iter().map(|(name, _, value, _)| (format!("person.{name}"), value)).collect();
    let map = engine.person_map("Lead").unwrap();
    let at = Timestamp::UNIX_EPOCH;
    assert_eq!(map_and_check(&map.rules(&Scene::default()), &engine, &schema, &person, at), 40, "every field must be worked");
    criterion.bench_function("map and check one person of 40 fields", |bencher| {
        bencher.iter(|| map_and_check(&map.rules(&Scene::default()), black_box(&engine), &schema, black_box(&person), at));
    });
}

criterion_group!(benches, mapping);
criterion_main!(benches);
