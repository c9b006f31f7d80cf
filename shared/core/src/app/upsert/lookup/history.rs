//! When fields got their values, by the histories that the org keeps. They are asked for in the same call as the records, or of a page
//! that a run has read in the call after it, and only where the time of a value may decide. What cannot be read is left out: the record's
//! time decides then.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{Asked, Look, Question, addresses, is_searched};
use crate::{
    adapters::salesforce::{
        SubAnswer,
        soql::{self, Row},
    },
    app::access::Access,
    domain::{
        ids::{FieldName, RecordId},
        mapping::{FieldType, OPT_OUT, Rule},
        planner::{Case, Linked, Match, differs_by_time},
        schema::Field,
    },
};

/// What stands in the place of a field's name in the row that a new record leaves.
const CREATED: &str = "created";

/// What was learnt of the histories of an object's records.
#[derive(Debug, Clone)]
pub(super) struct History {
    /// The fields, and what they are called there.
    fields: Vec<(FieldName, String)>,
    /// The records that were asked for by their ids.
    ids: BTreeSet<RecordId>,
    /// From when on.
    since: Timestamp,
    /// The latest change of each field of each record, and who made it.
    changes: BTreeMap<(RecordId, String), (Timestamp, Option<RecordId>)>,
    /// Whether all changes since then are here.
    whole: bool,
}

impl Look<'_> {
    /// Asks for the changes since the oldest statement that they are held against.
    pub(super) fn histories(&mut self, access: &Access<'_>, cases: &[Case]) -> Vec<Asked> {
        let mut asked = Vec::new();
        // Our own changes are nobody's statement, so we must be known.
        for object in ["Lead", "Contact"].into_iter().filter(|_| access.user_id().is_some()) {
            let fields = self.tracked(object, cases);
            let linked = cases.iter().filter(|case| self.reads_link(case, object)).filter_map(|case| case.person.link.as_ref());
            let ids: BTreeSet<RecordId> = linked.map(|link| link.id).chain(cases.iter().flat_map(|case| self.read_by_run(case, object))).collect();
            let emails: BTreeSet<String> = cases.iter().filter(|case| is_searched(case)).flat_map(addresses).collect();
            let is_read = |case: &Case| self.reads_link(case, object) || self.read_by_run(case, object).next().is_some();
            let concerned = cases.iter().filter(|case| is_searched(case) || is_read(case));
            let since = concerned.flat_map(|case| self.stated(case, object, &fields)).min();
            let Some(since) = since.filter(|_| !fields.is_empty()) else { continue };
            let names = fields.iter().map(|(_, name)| name.as_str()).chain([CREATED]).map(soql::text).collect::<Vec<_>>().join(",");
            let select = format!("SELECT {object}Id, Field, CreatedDate, CreatedById FROM {object}History");
            let head = format!("{select} WHERE Field IN ({names}) AND CreatedDate >= {} AND {object}Id", soql::datetime(since));
            let latest_first = " ORDER BY CreatedDate DESC";
            let by_email = (format!("{head} IN (SELECT Id FROM {object} WHERE Email"), emails, format!("){latest_first}"));
            let mut whole = true;
            let by_id = (head, ids.iter().map(RecordId::to_string).collect(), latest_first.to_owned());
            for (head, values, tail) in [by_email, by_id] {
                let values: Vec<&str> = values.iter().map(String::as_str).collect();
                match soql::in_queries(access.version(), &head, &values, &tail) {
                    Ok(split) => {
                        asked.extend(split.into_iter().map(|query| (Question::History(object), soql::query(access.version(), "q", &query.soql))));
                    }
                    Err(_) => whole = false,
                }
            }
            self.histories.insert(object, History { fields, ids, since, changes: BTreeMap::new(), whole });
        }
        asked
    }

    /// The records of an object that a run has read of this person, where a time may decide between the two sides.
    fn read_by_run<'c>(&'c self, case: &'c Case, object: &'static str) -> impl Iterator<Item = RecordId> + use<'c> {
        let linked = case.person.link.as_ref().filter(|link| link.object.as_str() == object);
        let linked = if let (Some(_), Linked::There(read)) = (linked, &case.found.linked) { Some(read) } else { None };
        let others = if object == "Contact" { &case.found.contacts } else { &case.found.leads };
        let read = linked.into_iter().chain(others).filter(|_| case.run.is_some());
        read.filter(move |read| differs_by_time(self.engine, self.schemas, &case.person, object, read)).map(|read| read.id)
    }

    /// The fields whose times may decide for these people, and whose history the org keeps.
    fn tracked(&self, object: &str, cases: &[Case]) -> Vec<(FieldName, String)> {
        let Some(schema) = self.schemas.object(object) else { return Vec::new() };
        let updates = self.engine.updates(object) || cases.iter().any(|case| case.run.is_some());
        let opt_out = updates || cases.iter().any(|case| self.unsubscribes(case));
        let concerned = self.engine.dated_fields(object).into_iter().filter(|name| if name.as_str() == OPT_OUT { opt_out } else { updates });
        let known = concerned.filter_map(|name| Some((name, schema.fields.get(name)?)));
        known.filter(|(_, field)| field.tracked == Some(true)).map(|(name, field)| (name.clone(), name_in_history(name, field))).collect()
    }

    /// The times of the statements that a record of this person may be held against. What was settled with the record before is
    /// compared by time only where somebody wants no e-mails, or in a run, where both sides may have changed since.
    fn stated<'c>(&self, case: &'c Case, object: &str, fields: &[(FieldName, String)]) -> impl Iterator<Item = Timestamp> + use<'c> {
        let bases = case.person.link.as_ref().map(|link| &link.bases);
        let settled =
            |name: &FieldName| bases.and_then(|bases| bases.get(name)).is_some_and(|base| base.platform.is_some() && base.salesforce.is_some());
        let rules = self.engine.person_map(object).into_iter().flat_map(|map| map.all());
        let open = |rule: &&Rule| rule.is_opt_out() || case.run.is_some() || !settled(&rule.to);
        let open = rules.filter(|rule| fields.iter().any(|(name, _)| *name == rule.to)).filter(open);
        let paths = open.flat_map(|rule| rule.from().into_iter().chain(rule.chain.paths()));
        let stored: Vec<Timestamp> = paths.filter_map(|path| case.person.attributes.get(path)).map(|dated| dated.at).collect();
        case.events.iter().map(|open| open.event.occurred_at).chain(stored)
    }

    /// Takes in what the org tells of an object's histories. There is the latest first: what a first page does not hold is not asked for.
    pub(super) fn take_history(&mut self, object: &str, answer: &SubAnswer) {
        let Some(history) = self.histories.get_mut(object) else { return };
        let Ok(page) = soql::parse_sub(answer) else {
            history.whole = false;
            return;
        };
        history.whole &= page.done();
        for row in &page.records {
            history.take(object, row);
        }
    }

    /// Dates the values of the records that were found.
    pub(super) fn date(&self, us: Option<RecordId>, cases: &mut [Case]) {
        for case in cases {
            let searched = is_searched(case);
            let linked = case.person.link.as_ref().map(|link| link.object.as_str());
            let found = &mut case.found;
            let linked = if let (Some(object), Linked::There(read)) = (linked, &mut found.linked) { Some((object, read)) } else { None };
            let contacts = found.contacts.iter_mut().map(|read| ("Contact", read));
            let leads = found.leads.iter_mut().map(|read| ("Lead", read));
            for (object, read) in linked.into_iter().chain(contacts).chain(leads) {
                if let Some(history) = self.histories.get(object).filter(|history| searched || history.ids.contains(&read.id)) {
                    read.changed = history.times(read, us);
                }
            }
        }
    }
}

impl History {
    fn take(&mut self, object: &str, row: &Row) {
        let (Some(id), Some(field), Some(at)) = (row.id(&format!("{object}Id")), row.text("Field"), row.time("CreatedDate")) else { return };
        let by = row.id("CreatedById");
        let latest = self.changes.entry((id, field.to_owned())).or_insert((at, by));
        if latest.0 < at {
            *latest = (at, by);
        }
    }

    /// How late the values of a record are. What nobody else but us has changed since counts as older than every statement.
    fn times(&self, read: &Match, us: Option<RecordId>) -> BTreeMap<FieldName, Timestamp> {
        let change = |name: &str| self.changes.get(&(read.id, name.to_owned()));
        let made_before = read.created.is_some_and(|created| created < self.since);
        let before = self.since.saturating_sub(SignedDuration::from_secs(1)).unwrap_or(self.since);
        let dated = self.fields.iter().filter_map(|(field, name)| {
            let at = match change(name).or_else(|| change(CREATED)) {
                Some((_, by)) if *by == us => before,
                Some((at, _)) => *at,
                None if made_before && self.whole => before,
                None => return None,
            };
            Some((field.clone(), at))
        });
        dated.collect()
    }
}

/// A reference to another record is called by the relation there, without `Id`.
fn name_in_history(name: &FieldName, field: &Field) -> String {
    let name = name.as_str();
    let relation = name.strip_suffix("Id").filter(|_| field.kind == FieldType::Reference);
    relation.unwrap_or(name).to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const LEAD: &str = "00Q000000000001EAA";
    const US: &str = "005000000000001AAA";
    const COLLEAGUE: &str = "005000000000002AAA";

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn id(text: &str) -> RecordId {
        RecordId::parse(text).unwrap()
    }

    /// Statements since minute 10 are held against a title; the record was made at minute `made`.
    #[test]
    fn how_late_a_value_is() {
        let before = Some(at(10) - SignedDuration::from_secs(1));
        let all = true;
        for (name, made, rows, whole, want) in [
            ("nothing happened", 1, [].as_slice(), all, before),
            ("nothing is known to have happened", 1, &[], !all, None),
            ("a colleague changed it, twice", 1, &[("Title", 12, COLLEAGUE), ("Title", 11, COLLEAGUE)], all, Some(at(12))),
            ("the latest changes are those that are known", 1, &[("Title", 12, COLLEAGUE)], !all, Some(at(12))),
            ("we changed it after a colleague", 1, &[("Title", 12, US), ("Title", 11, COLLEAGUE)], all, before),
            ("a colleague changed it after us", 1, &[("Title", 11, US), ("Title", 12, COLLEAGUE)], all, Some(at(12))),
            ("another field was changed", 1, &[("Phone", 12, COLLEAGUE)], all, before),
            ("a colleague made the record", 11, &[(CREATED, 11, COLLEAGUE)], all, Some(at(11))),
            ("we made the record", 11, &[(CREATED, 11, US)], all, before),
            ("nobody tells who made the record", 11, &[], all, None),
        ] {
            let title = FieldName::known("Title");
            let mut history =
                History { fields: vec![(title.clone(), "Title".to_owned())], ids: BTreeSet::new(), since: at(10), changes: BTreeMap::new(), whole };
            for (field, minute, by) in rows {
                let row = serde_json::json!({"LeadId": LEAD, "Field": field, "CreatedDate": at(*minute).to_string(), "CreatedById": by});
                history.take("Lead", &Row::of(row.as_object().unwrap().clone()));
            }
            let read = Match {
                id: id(LEAD),
                created: Some(at(made)),
                modified: None,
                left_by_us: false,
                changed: BTreeMap::new(),
                by_key: false,
                owner: None,
                converted_to: None,
                values: BTreeMap::new(),
            };
            assert_eq!(history.times(&read, Some(id(US))).get(&title).copied(), want, "{name}");
        }
    }
}
