//! The activity timeline of a record: events, tasks, campaign memberships and changes of tracked fields, by month.

use jiff::Timestamp;

use super::show::View;
use crate::http::html::escape;
use crate::id::Id;
use crate::org::{Cell, Row};
use crate::schema::ObjectNo;

/// Entries shown; the rest is counted.
const MOST: usize = 40;

struct Entry {
    at: i64,
    /// Whether the time is a day without an hour.
    day: bool,
    kind: &'static str,
    head: String,
    detail: String,
}

pub(super) fn render(view: &View<'_>, id: Id) -> String {
    let mut entries = Vec::new();
    for (sobject, fields) in [("Event", ["WhoId", "WhatId"]), ("Task", ["WhoId", "WhatId"]), ("CampaignMember", ["LeadId", "ContactId"])] {
        for field in fields {
            entries.extend(of(view, sobject, field, id).into_iter().filter_map(|(no, row)| entry(view, sobject, no, row, field)));
        }
    }
    for sobject in ["Lead", "Contact"] {
        let found = of(view, &format!("{sobject}History"), &format!("{sobject}Id"), id);
        entries.extend(found.into_iter().filter_map(|(no, row)| change(view, no, row)));
    }
    if entries.is_empty() {
        return "<section class=\"card\"><h2>Activity</h2><p class=\"soft\">No activities yet.</p></section>".to_owned();
    }
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.at));
    let rest = entries.len().saturating_sub(MOST);
    let more = if rest > 0 { format!("<p class=\"soft\">and {rest} more</p>") } else { String::new() };
    format!("<section class=\"card\"><h2>Activity</h2>{}{more}</section>", by_month(view, entries.get(..MOST).unwrap_or(&entries)))
}

fn by_month(view: &View<'_>, entries: &[Entry]) -> String {
    let mut out = String::new();
    let mut month = String::new();
    for entry in entries {
        let at = Timestamp::from_millisecond(entry.at).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(view.zone.clone());
        let own = if at.timestamp() > view.org.now() { "Upcoming".to_owned() } else { at.strftime("%B %Y").to_string() };
        if own != month {
            out.push_str(&format!("<h3>{own}</h3>"));
            month = own;
        }
        let when = if entry.day { at.strftime("%Y-%m-%d").to_string() } else { at.strftime("%Y-%m-%d %H:%M").to_string() };
        out.push_str(&format!(
            "<div class=\"entry {}\"><span class=\"when\">{when}</span><div>{}</div>{}</div>",
            entry.kind.to_lowercase(),
            entry.head,
            entry.detail
        ));
    }
    out
}

/// The live records of an object that refer to a record through a field.
fn of<'a>(view: &View<'a>, sobject: &str, field: &str, id: Id) -> Vec<(ObjectNo, &'a Row)> {
    let found = view.org.schema().object_named(sobject).and_then(|(no, object)| Some((no, object.field_no(field)?, view.org.table(no)?)));
    let Some((no, field, table)) = found else {
        return Vec::new();
    };
    let slots = table.candidates(field, &Cell::Id(id)).unwrap_or_default();
    let rows = slots.into_iter().filter_map(|slot| table.get(slot));
    rows.filter(|row| row.get(field) == Cell::Id(id) && !view.org.is_deleted(no, row)).map(|row| (no, row)).collect()
}

fn entry(view: &View<'_>, sobject: &'static str, no: ObjectNo, row: &Row, link: &str) -> Option<Entry> {
    let millis = |name: &str| view.org.named(no, row, name).as_millis();
    let day = |name: &str| {
        view.org.named(no, row, name).as_date().and_then(|date| date.to_zoned(view.zone.clone()).ok()).map(|at| at.timestamp().as_millisecond())
    };
    let made = millis("CreatedDate");
    let (at, is_day) = match sobject {
        "Event" => (millis("StartDateTime").or(made)?, view.org.named(no, row, "IsAllDayEvent").is_true()),
        "Task" => day("ActivityDate").map(|at| (at, true)).or(made.map(|at| (at, false)))?,
        _ => (made?, false),
    };
    let id = row.id()?;
    let owner = view.named(no, row, "OwnerId");
    let (head, about) = match sobject {
        "CampaignMember" => {
            (format!("Member of {}", view.named(no, row, "CampaignId")), format!("<p class=\"soft\">{}</p>", view.named(no, row, "Status")))
        }
        _ => (view.link(&id), about(view, sobject, no, row, link, &owner)),
    };
    Some(Entry { at, day: is_day, kind: sobject, head, detail: about })
}

fn about(view: &View<'_>, sobject: &str, no: ObjectNo, row: &Row, link: &str, owner: &str) -> String {
    let mut parts = vec![sobject.to_owned()];
    if sobject == "Event" {
        parts.extend(view.org.named(no, row, "DurationInMinutes").as_number().map(|minutes| format!("{minutes} min")));
    } else {
        parts.push(view.named(no, row, "Status"));
    }
    parts.push(format!("by {owner}"));
    // On an account's page, whom the activity was with.
    if link == "WhatId" {
        parts.push(view.named(no, row, "WhoId"));
    }
    parts.retain(|part| !part.is_empty());
    let text = view.org.named(no, row, "Description");
    let description = text.as_text().map(|text| format!("<p class=\"text\">{}</p>", escape(text))).unwrap_or_default();
    format!("<p class=\"soft\">{}</p>{description}", parts.join(" · "))
}

/// A change of a tracked field. Owners leave a second row with ids, which says nothing more.
fn change(view: &View<'_>, no: ObjectNo, row: &Row) -> Option<Entry> {
    let text = |name: &str| view.named(no, row, name);
    let kind = view.org.named(no, row, "DataType");
    if kind.as_text() == Some("EntityId") {
        return None;
    }
    let field = text("Field");
    let (old, new) = (text("OldValue"), text("NewValue"));
    let nothing = |value: String| if value.is_empty() { "nothing".to_owned() } else { value };
    let head = match view.org.named(no, row, "Field").as_text() {
        Some("created") => "Created".to_owned(),
        _ => format!("{field}: {} → {}", nothing(old), nothing(new)),
    };
    let at = view.org.named(no, row, "CreatedDate").as_millis()?;
    Some(Entry { at, day: false, kind: "History", head, detail: format!("<p class=\"soft\">by {}</p>", text("CreatedById")) })
}
