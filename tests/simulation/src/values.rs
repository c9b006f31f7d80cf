//! What a person's record must have in the end.
//!
//! A person's last name is always the platform's, so it must be that of their latest statement; the title is always Salesforce's, so an
//! edit stands; the phone is filled if blank, so an edit stands, too; the first name is the most recent one of both sides; a
//! description is in no mapping, so nobody but colleagues changes it.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    colleague::Edited,
    document::{BADGE, Change},
    history::{Alteration, Said},
    run::Run,
};

/// What colleagues did with a record, and when the latest statement came.
pub struct Touched<'t> {
    /// Edits, by field.
    pub edits: &'t BTreeMap<&'static str, Vec<Edited>>,
    /// When the record was converted, merged or restored.
    pub moved: Option<(Timestamp, Duration)>,
    /// When the latest statement came.
    pub came: Duration,
    /// Whether a call was left without an answer: a write that nobody noted makes its record later than what it left as it was.
    pub cut: bool,
    /// Whether a call about them had no clear answer.
    pub doubted: bool,
    /// Whether the titles of the tenant are the platform's by now.
    pub overruled: bool,
}

/// What was stated last stands, and so do colleagues' edits of what is theirs.
pub fn stated(latest: &Said, events: &[&Said], record: &Value, touched: &Touched<'_>, wrong: &mut Vec<String>) {
    let last_name = &latest.body["person"]["last_name"];
    if record["LastName"] != *last_name {
        wrong.push(format!("the last name is {}, and {last_name} was stated last", record["LastName"]));
    }
    // A wish to get no e-mails writes no address, though it states one.
    let stated = events.iter().filter(|said| said.rank >= latest.rank).map(|said| &said.body["person"]["email"]);
    if !stated.clone().any(|email| record["Email"] == *email) {
        wrong.push(format!("the address is {}, and {:?} was stated last", record["Email"], stated.collect::<Vec<_>>()));
    }
    for field in ["Description", "Title", "Phone"] {
        // A phone that is filled in the moment in which somebody fills it is given back with the next call, unless a call went amiss.
        let edit = touched.edits.get(field).and_then(|edits| edits.last());
        if let Some(edit) = edit.filter(|edit| match field {
            "Phone" => !edit.contended || !touched.doubted,
            "Title" => !touched.overruled,
            _ => true,
        }) && record[field] != edit.value
        {
            wrong.push(format!("{field} is {}, and a colleague has made it {}", record[field], edit.value));
        }
    }
    first_name(latest, record, touched, wrong);
}

/// The badge is what was stated last: runs put it back where somebody has written another, and it is stated anew with each meeting.
pub fn badge(run: &Run<'_>, who: (usize, usize), (latest, came): (&Said, Duration), record: &Value, wrong: &mut Vec<String>) {
    // What was written before the field was deleted is gone with it.
    let lost = |(how, mended): &(Alteration, Option<Duration>)| *how == Alteration::Removed && mended.is_none_or(|mended| came <= mended);
    let compared = run.plan.reconciling().contains(&who.0);
    if run.deeds.altered.get(&who.0).is_some_and(lost) || run.deeds.moved.contains_key(&who) && !compared {
        return;
    }
    let stated = &latest.body["person"]["badge"];
    // After a write that nobody noted, what somebody has written may be taken for what the org has made of ours.
    let edits = run.deeds.edits.get(&who).and_then(|edits| edits.get(BADGE));
    let is_theirs = edits.is_some_and(|edits| edits.iter().any(|edit| edit.value == record[BADGE]));
    if is_theirs && run.world.is_unnoted(who) {
        return;
    }
    if record[BADGE] != *stated {
        wrong.push(format!("the badge is {}, and {stated} was stated last", record[BADGE]));
    }
}

/// What the second document says holds for whoever was stated after it was applied.
pub fn changed(run: &Run<'_>, who: (usize, usize), (latest, came): (&Said, Duration), record: &Value, wrong: &mut Vec<String>) {
    let under = |change| run.changed(who.0, change).filter(|since| Run::is_surely_under(*since, came));
    let edits = |field| run.deeds.edits.get(&who).and_then(|edits| edits.get(field)).into_iter().flatten();
    let stated = &latest.body["person"]["job"];
    let is_ours = run.plan.reconciling().contains(&who.0) || edits("Title").all(|edit| edit.passed < came && !edit.contended);
    if under(Change::Overrule).is_some() && is_ours && !run.deeds.moved.contains_key(&who) && record["Title"] != *stated {
        wrong.push(format!("the title is {}, and {stated} was stated since it is the platform's", record["Title"]));
    }
    let first = run.accepted().filter(|(said, _)| (said.tenant, said.person) == who).map(|(_, came)| came).min();
    let never_sent = run.changed(who.0, Change::Unmap).zip(first).is_some_and(|(since, first)| Run::is_surely_under(since, first));
    if never_sent && !record["Phone"].is_null() && edits("Phone").next().is_none() {
        wrong.push(format!("the phone is {}, and it is not sent any more", record["Phone"]));
    }
}

/// The most recent one of both sides, where it is plain which that is: Salesforce dates records, not fields, and what somebody edits
/// after we have written stands, whatever their clock says.
fn first_name(latest: &Said, record: &Value, touched: &Touched<'_>, wrong: &mut Vec<String>) {
    let stated = &latest.body["person"]["first_name"];
    let edit = touched.edits.get("FirstName").and_then(|edits| edits.last());
    let times = touched.edits.values().flatten().map(|edit| (edit.at, edit.passed)).chain(touched.moved);
    let is_latest = times.into_iter().all(|(at, passed)| at < latest.stamp && passed < touched.came);
    // Where nobody else has touched the field, what was there before tells so, however late their other edits are.
    let ours_alone = edit.is_none() && touched.moved.is_none() && !touched.cut;
    let should = match edit {
        // What a merge hands over after a write that nobody noted is nobody's to tell; it is reported as a conflict.
        None if touched.cut && touched.moved.is_some() => return,
        _ if is_latest || ours_alone => stated,
        Some(edit) if edit.at > latest.stamp && !(edit.contended && touched.doubted) => &edit.value,
        _ => return,
    };
    let stays = |edit: &Edited| touched.cut && record["FirstName"] == edit.value;
    if record["FirstName"] != *should && !edit.is_some_and(stays) {
        wrong.push(format!("the first name is {}, and the most recent one is {should}", record["FirstName"]));
    }
}
