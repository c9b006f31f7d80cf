//! API calls that the configured volume will cost in a day.

use super::{View, error, info, nothing_to_do, warning};
use crate::domain::{
    config::{Document, Toggle},
    finding::{Finding, Sentence},
};

/// The share of the org's calls that Passerelle should leave to others, in per cent.
const RESERVE_PERCENT: u64 = 20;
/// How many events one batch takes.
const BATCH: u64 = 1_000;

/// What a day's events cost in API calls: at least, where they come in full batches, and at most, where every one comes alone.
#[must_use]
fn calls(document: &Document, events: u64) -> (u64, u64) {
    // Look up and write; where answers cannot be referred to, what depends on new records follows in a call of its own.
    let each = if document.salesforce.references_into_collections == Toggle::On { 2 } else { 3 };
    // The org is described once a day.
    let describe = u64::from(events > 0);
    (events.div_ceil(BATCH).saturating_mul(each).saturating_add(describe), events.saturating_mul(each).saturating_add(describe))
}

pub(super) fn findings(view: &View<'_>) -> Vec<Finding> {
    let place = "connection.events_per_day";
    let Some(events) = view.document.connection.events_per_day.map(u64::from) else {
        return vec![info(
            "volume_unknown",
            place,
            Sentence::new(
                "How many events come in a day is not told, so their API calls were not predicted.",
                "Le nombre d'événements par jour n'est pas indiqué : leurs appels d'API n'ont pas été estimés.",
            ),
            Sentence::new("Write the expected number into the document.", "Écrivez le nombre attendu dans le document."),
        )];
    };
    let (least, most) = calls(view.document, events);
    let mut words = Sentence::new(
        format!("{events} events in a day cost {least} API calls where they come in batches, and {most} at most."),
        format!("{events} événements par jour coûtent {least} appels d'API s'ils arrivent groupés, et {most} au plus."),
    );
    let Some((used, max)) = view.facts.usage.filter(|(_, max)| *max > 0) else { return vec![info("volume", place, words, nothing_to_do())] };
    words.en.push_str(&format!(" The org allows {max} in 24 hours, of which {used} are used."));
    words.fr.push_str(&format!(" L'organisation en permet {max} en 24 heures, dont {used} sont utilisés."));
    let cure = Sentence::new(
        "Have the platform deliver in batches, or buy more API calls.",
        "Faites livrer la plateforme par lots, ou achetez des appels d'API.",
    );
    if least > max {
        return vec![error("volume_too_high", place, words, cure)];
    }
    let open = max.saturating_sub(max.saturating_mul(RESERVE_PERCENT) / 100);
    if most > open {
        return vec![warning("volume_high", place, words, cure)];
    }
    vec![info("volume", place, words, nothing_to_do())]
}
