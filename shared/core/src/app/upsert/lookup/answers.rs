//! What Salesforce answers about people, taken in where it belongs.

use std::collections::BTreeMap;

use serde_json::Value;

use super::OWNER_EMAIL;
use crate::{
    adapters::salesforce::soql::Row,
    domain::{
        event::normalise_email,
        ids::{FieldName, ObjectName, RecordId},
        planner::{Case, Conversion, FoundActivity, Linked, Match, Twin},
    },
};

/// A record as it was read.
pub(in crate::app) fn read_match(object: &str, row: &Row, us: Option<RecordId>) -> Option<Match> {
    let converted = object == "Lead" && row.get("IsConverted").and_then(Value::as_bool) == Some(true);
    let values = row.fields.iter().flat_map(|(name, value)| match value {
        Value::Object(related) => related.iter().map(|(field, value)| (format!("{name}.{field}"), value.clone())).collect(),
        _ => vec![(name.clone(), value.clone())],
    });
    let values = values.filter_map(|(name, value)| Some((FieldName::parse(&name).ok()?, value)));
    Some(Match {
        id: row.id("Id")?,
        created: row.time("CreatedDate"),
        modified: row.time("LastModifiedDate"),
        left_by_us: us.is_some() && row.id("LastModifiedById") == us,
        changed: BTreeMap::new(),
        by_key: false,
        owner: row.text(OWNER_EMAIL).map(str::to_owned),
        converted_to: converted.then(|| Conversion { contact: row.id("ConvertedContactId") }),
        values: values.collect(),
    })
}

/// Which cases something belongs to, by their positions.
pub(super) type Places<K> = BTreeMap<K, Vec<usize>>;

pub(super) fn by<K: Ord, Keys: IntoIterator<Item = K>>(cases: &[Case], keys: impl Fn(&Case) -> Keys) -> Places<K> {
    let mut places = Places::<K>::new();
    for (i, case) in cases.iter().enumerate() {
        for key in keys(case) {
            places.entry(key).or_default().push(i);
        }
    }
    places
}

pub(super) fn each(cases: &mut [Case], places: Option<&Vec<usize>>, mut take: impl FnMut(&mut Case)) {
    for &i in places.into_iter().flatten() {
        if let Some(case) = cases.get_mut(i) {
            take(case);
        }
    }
}

pub(super) fn take_match(object: &str, row: &Row, us: Option<RecordId>, cases: &mut [Case], addresses: &Places<String>) {
    let (Some(found), Some(email)) = (read_match(object, row, us), row.text("Email").map(normalise_email)) else { return };
    each(cases, addresses.get(&email), |case| {
        let list = case.found.of_mut(object);
        if list.iter().all(|known| known.id != found.id) {
            list.push(found.clone());
        }
    });
}

pub(super) fn take_keyed(object: &str, field: &FieldName, row: &Row, us: Option<RecordId>, cases: &mut [Case], keys: &Places<String>) {
    let (Some(found), Some(key)) = (read_match(object, row, us), row.text(field.as_str())) else { return };
    each(cases, keys.get(key), |case| {
        let list = case.found.of_mut(object);
        list.retain(|known| known.id != found.id);
        list.push(Match { by_key: true, ..found.clone() });
    });
}

/// A record that was read by its id: a person's linked one, or the contact that a lead was converted to.
pub(super) fn take_read(object: &str, id: RecordId, row: Option<Row>, us: Option<RecordId>, cases: &mut [Case], about: Option<&Vec<usize>>) {
    let found = row.and_then(|row| read_match(object, &row, us));
    each(cases, about, |case| {
        let linked = case.person.link.as_ref().is_some_and(|link| link.id == id);
        if case.found.merged_into == Some(id) {
            case.found.master.clone_from(&found);
            return;
        }
        match (&found, linked) {
            (Some(found), true) => case.found.linked = Linked::There(found.clone()),
            (None, true) => case.found.linked = Linked::Gone,
            (Some(found), false) => case.found.contacts.push(found.clone()),
            (None, false) => {}
        }
    });
}

pub(super) fn take_master(row: &Row, cases: &mut [Case], about: &Places<RecordId>) {
    let (Some(id), Some(master)) = (row.id("Id"), row.id("MasterRecordId")) else { return };
    each(cases, about.get(&id), |case| case.found.merged_into = Some(master));
}

pub(super) fn twins(cases: &mut [Case]) -> impl Iterator<Item = &mut Twin> {
    cases.iter_mut().filter_map(|case| case.twin.as_mut())
}

pub(super) fn take_twin(row: &Row, cases: &mut [Case]) {
    let there = row.id("Id");
    twins(cases).filter(|twin| twin.record.as_ref().map(|(_, id)| *id) == there).for_each(|twin| twin.gone = false);
}

pub(super) fn take_activity(object: &'static str, row: &Row, cases: &mut [Case], about: &Places<RecordId>) {
    let (Some(id), Some(who)) = (row.id("Id"), row.id("WhoId")) else { return };
    let activity = FoundActivity {
        object: ObjectName::known(object),
        id,
        who,
        subject: row.text("Subject").unwrap_or_default().to_owned(),
        start: row.time("StartDateTime"),
    };
    each(cases, about.get(&who), |case| case.found.activities.push(activity.clone()));
}
