//! What the demonstration sends: KAYO's own example, and some hundred further events as real life brings them, with
//! accents, blanks, values that are too long, projects nobody configured, and deliveries that come twice.

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

/// How many people are met besides KAYO's own.
const PEOPLE: usize = 180;
/// The first of them was met at this moment.
const BEGIN: Timestamp = Timestamp::constant(1_623_920_400, 0);

const FIRST_NAMES: [&str; 12] = ["Zoé", "François", "Élodie", "Jérôme", "Noël", "Anaïs", "Benoît", "Maëlle", "Gaëtan", "Inès", "Loïc", "Céline"];
const LAST_NAMES: [&str; 10] = ["Lefèvre", "Müller", "D'Angelo", "Nuñez", "Bäcker", "O’Connor", "Çelik", "Sørensen", "Dupré-Lagarde", "Łukasz"];
const COMPANIES: [&str; 8] =
    ["Café & Cie", "Hôtel de l'Étoile", "Œuvres <SARL>", "Aéro \"Sud\"", "Naïve Mobilité", "Forêt & Fils", "Crème SA", "Zürich Präzision"];

#[derive(Deserialize)]
struct Delivery {
    events: Vec<Value>,
}

/// All events, in the order in which they are sent.
pub fn events() -> Result<Vec<Value>> {
    let Delivery { mut events } = serde_json::from_str(KAYO)?;
    for n in 0..PEOPLE {
        events.push(capture(n));
        if n.is_multiple_of(3) {
            events.push(consultation(n));
        }
        // A delivery that comes twice.
        if n.is_multiple_of(11) {
            events.push(capture(n));
        }
    }
    Ok(events)
}

/// KAYO's own example: a capture at the trade show, and a look at a brochure weeks later.
const KAYO: &str = include_str!("kayo.json");

/// One more event of a new person, for trying the webhook by hand. Without quotes that a shell would take.
pub fn one_more() -> Value {
    let now = Timestamp::now();
    json!({"id": format!("demo-by-hand-{}", now.as_second()), "type": "contact_captured", "occurred_at": now.to_string(),
           "person": {"id": "demo-by-hand", "email": "ada.lovelace@example.org", "first_name": "Ada", "last_name": "Lovelace", "company": "Analytical Engines"},
           "project": {"id": "salon-du-bourget"}, "collaborator": {"email": "technique@kayo.fr"}, "data": {"documents": 2}})
}

fn capture(n: usize) -> Value {
    let project = if n % 29 == 7 { json!({"id": "salon-inconnu"}) } else { json!({"id": "salon-du-bourget"}) };
    json!({"id": format!("demo-capture-{n}"), "type": "contact_captured", "occurred_at": at(n, 0), "person": person(n),
           "project": project, "collaborator": collaborator(n), "data": {"documents": n % 5}})
}

fn consultation(n: usize) -> Value {
    let pages: Vec<Value> = (1..=n % 4 + 1).map(|number| json!({"number": number, "seconds": number * 7, "best": number == 1})).collect();
    json!({"id": format!("demo-consultation-{n}"), "type": "document_viewed", "occurred_at": at(n, 9), "person": {"id": format!("demo-{n}"), "email": email(n)},
           "project": {"id": "salon-du-bourget"}, "collaborator": collaborator(n),
           "data": {"document": {"title": format!("Présentation n° {n}"), "file": "PRÉSENTATION.PDF"}, "ended_at": at(n, 12), "pages": pages,
                    "last_audio_duration": format!("{} s", n % 90)}})
}

fn person(n: usize) -> Value {
    let last_name = match n % 31 {
        // Salesforce takes 80 characters.
        5 => pick(&LAST_NAMES, n).repeat(20),
        _ => pick(&LAST_NAMES, n).to_owned(),
    };
    // Some cards have no company, others blanks where it should be.
    let company = match n % 23 {
        3 => "   ",
        9 => "",
        _ => pick(&COMPANIES, n),
    };
    let job = if n.is_multiple_of(7) { Value::Null } else { json!("Responsable qualité & méthodes") };
    json!({"id": format!("demo-{n}"), "email": email(n), "first_name": pick(&FIRST_NAMES, n / 2), "last_name": last_name, "company": company,
           "salutation": if n.is_multiple_of(2) { "Mme" } else { "M." }, "phone": format!("+33 1 44 55 {:02} {:02}", n / 100, n % 100), "job": job})
}

/// Every fourth address is written as people write them.
fn email(n: usize) -> String {
    if n.is_multiple_of(4) { format!(" Visiteur.{n}@Exemple.FR ") } else { format!("visiteur.{n}@exemple.fr") }
}

/// Some collaborators are no users of the org.
fn collaborator(n: usize) -> Value {
    json!({"email": if n % 5 == 4 { "stagiaire@kayo.fr" } else { "technique@kayo.fr" }})
}

fn pick<'a>(from: &[&'a str], n: usize) -> &'a str {
    from.get(n % from.len().max(1)).copied().unwrap_or_default()
}

fn at(n: usize, minutes: i64) -> String {
    let offset = i64::try_from(n).unwrap_or(0) * 240 + minutes * 60;
    BEGIN.saturating_add(SignedDuration::from_secs(offset)).unwrap_or(BEGIN).to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_input_is_a_few_hundred_events_of_every_kind() {
        let events = events().unwrap();
        let ids: BTreeSet<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
        let own: Delivery = serde_json::from_str(KAYO).unwrap();
        assert!(events.starts_with(&own.events), "KAYO's own example comes first");
        assert!((200..1000).contains(&ids.len()), "{}", ids.len());
        let count = |holds: &dyn Fn(&Value) -> bool| events.iter().filter(|event| holds(event)).count();
        let texts = |event: &Value| event["person"].as_object().unwrap().values().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>();
        let kinds = [
            ("accents", count(&|event| texts(event).iter().any(|text| text.contains(['é', 'ü', 'ñ', 'Ł'])))),
            ("blanks", count(&|event| texts(event).iter().any(|text| text.trim().is_empty() || text.trim() != text))),
            ("over-long values", count(&|event| texts(event).iter().any(|text| text.chars().count() > 80))),
            ("unknown projects", count(&|event| event["project"]["id"] == "salon-inconnu")),
            ("duplicates", events.len() - ids.len()),
        ];
        for (kind, count) in kinds {
            assert!(count >= 3, "{kind}: {count}");
        }
    }
}
