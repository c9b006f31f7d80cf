//! One record: what matters at the top, its fields by section, its activity, and the records that refer to it.

use super::show::View;
use super::{badge, frame, timeline};
use crate::http::html::escape;
use crate::http::reply::Reply;
use crate::id::Id;
use crate::org::{Cell, Row};
use crate::schema::{FieldDef, FieldNo, FieldType, Flag, ObjectDef, ObjectNo};

/// Fields at the top, of those that the object has and the record fills.
const HIGHLIGHTS: &[&str] = &[
    "Title",
    "Company",
    "AccountId",
    "Email",
    "Phone",
    "Status",
    "StageName",
    "WhoId",
    "WhatId",
    "CampaignId",
    "LeadId",
    "ContactId",
    "StartDateTime",
    "ActivityDate",
    "Priority",
    "Username",
    "OwnerId",
];
const MOST_HIGHLIGHTS: usize = 6;
/// Rows of a related list.
const RELATED: usize = 6;
/// Fields that the org keeps, not people.
const SYSTEM: &[&str] = &[
    "Id",
    "IsDeleted",
    "MasterRecordId",
    "CreatedDate",
    "CreatedById",
    "LastModifiedDate",
    "LastModifiedById",
    "SystemModstamp",
    "LastActivityDate",
    "LastViewedDate",
    "LastReferencedDate",
    "PhotoUrl",
    "IsUnreadByOwner",
    "IsArchived",
    "RecordTypeId",
];

pub(super) fn render(view: &View<'_>, sobject: &str, id: &str) -> Option<Reply> {
    let (no, object) = view.org.schema().object_named(sobject)?;
    let id = Id::parse(id).ok()?;
    let (_, row) = view.org.table(no)?.by_id(&id)?;
    let title = view.title(object, no, row);
    let activity = timeline::render(view, id);
    let side = format!("{activity}{}", related(view, object, id));
    let body = format!(
        "{}<div class=\"columns\"><div class=\"wide\">{}</div><div class=\"side\">{side}</div></div>",
        top(view, no, object, row, &title),
        sections(view, no, object, row)
    );
    Some(frame(view, &title, &object.name, &body))
}

fn top(view: &View<'_>, no: ObjectNo, object: &ObjectDef, row: &Row, title: &str) -> String {
    let filled = HIGHLIGHTS.iter().filter_map(|name| {
        let (field_no, field) = object.field_named(name)?;
        let value = view.field(no, row, field_no, field);
        (!value.is_empty()).then(|| format!("<div><dt>{}</dt><dd>{value}</dd></div>", escape(&label(field))))
    });
    let highlights: String = filled.take(MOST_HIGHLIGHTS).collect();
    let deleted = if view.org.is_deleted(no, row) { " <span class=\"tag\">in the recycle bin</span>" } else { "" };
    format!(
        "<section class=\"head\">{}<div><p class=\"soft\"><a href=\"/o/{}\">{}</a></p><h1>{}{deleted}</h1></div></section>\
         <dl class=\"highlights\">{highlights}</dl>",
        badge(object),
        object.name,
        escape(&object.label),
        escape(title)
    )
}

fn label(field: &FieldDef) -> String {
    match field.kind {
        FieldType::Reference => field.label.strip_suffix(" ID").unwrap_or(&field.label).to_owned(),
        _ => field.label.to_string(),
    }
}

/// The section a field stands in; the numbers are their order.
fn section(object: &ObjectDef, field: &FieldDef) -> (u8, String) {
    let part_of_address = field.compound.as_deref().is_some_and(|compound| compound.ends_with("Address"));
    match &*field.name {
        _ if field.custom => (2, "Custom fields".to_owned()),
        name if SYSTEM.contains(&name) => (5, "System information".to_owned()),
        _ if part_of_address || field.is_compound() => (3, "Address".to_owned()),
        "Description" => (4, "Description".to_owned()),
        _ => (1, format!("{} information", object.label)),
    }
}

fn sections(view: &View<'_>, no: ObjectNo, object: &ObjectDef, row: &Row) -> String {
    let mut sections: Vec<((u8, String), String)> = Vec::new();
    let mut empty = Vec::new();
    for (field_no, field) in object.numbered().filter(|(_, field)| !field.is_compound() && !field.gone) {
        let place = section(object, field);
        let unset = matches!(view.org.value(no, row, field_no), Cell::Null | Cell::Bool(false));
        if unset && !is_always_shown(field) {
            empty.push(escape(&label(field)));
            continue;
        }
        let line = one(view, no, row, field_no, field);
        match sections.iter_mut().find(|(own, _)| *own == place) {
            Some((_, lines)) => lines.push_str(&line),
            None => sections.push((place, line)),
        }
    }
    sections.sort_by(|a, b| a.0.cmp(&b.0));
    let shown: String = sections
        .iter()
        .map(|((_, name), lines)| format!("<section class=\"card\"><h2>{}</h2><dl class=\"fields\">{lines}</dl></section>", escape(name)))
        .collect();
    if empty.is_empty() {
        return shown;
    }
    let list = empty.join(" · ");
    format!("{shown}<details class=\"card\"><summary>{} fields without a value</summary><p class=\"soft\">{list}</p></details>", empty.len())
}

/// What a person wonders about when it is not there.
fn is_always_shown(field: &FieldDef) -> bool {
    field.custom || field.has(Flag::NAME)
}

fn one(view: &View<'_>, no: ObjectNo, row: &Row, field_no: FieldNo, field: &FieldDef) -> String {
    let value = view.field(no, row, field_no, field);
    let value = if value.is_empty() { "<span class=\"soft\">–</span>".to_owned() } else { value };
    let help = field.help.as_deref().map(|help| format!(": {help}")).unwrap_or_default();
    // Ids stand for themselves here: people copy them.
    let value = if &*field.name == "Id" { row.id().map(|id| format!("<code>{id}</code>")).unwrap_or(value) } else { value };
    format!("<div title=\"{}{}\"><dt>{}</dt><dd>{value}</dd></div>", field.name, escape(&help), escape(&label(field)))
}

/// The records of other objects that refer to this one, but for those of the timeline.
fn related(view: &View<'_>, parent: &ObjectDef, id: Id) -> String {
    let links = view.org.schema().children(parent);
    let links = links.into_iter().filter(|(_, child, _, field)| field.child.name.is_some() && !in_timeline(child));
    links
        .filter_map(|(no, child, field_no, field)| {
            let table = view.org.table(no)?;
            let slots = table.candidates(field_no, &Cell::Id(id))?;
            let rows: Vec<&Row> = slots
                .into_iter()
                .filter_map(|slot| table.get(slot))
                .filter(|row| row.get(field_no) == Cell::Id(id) && !view.org.is_deleted(no, row))
                .collect();
            (!rows.is_empty()).then(|| related_list(view, no, child, field, &rows))
        })
        .collect()
}

fn in_timeline(child: &ObjectDef) -> bool {
    ["Event", "Task", "LeadHistory", "ContactHistory"].contains(&&*child.name)
}

fn related_list(view: &View<'_>, no: ObjectNo, child: &ObjectDef, link: &FieldDef, rows: &[&Row]) -> String {
    let lines: String = rows
        .iter()
        .rev()
        .take(RELATED)
        .map(|row| {
            let id = row.id().map(|id| id.to_string()).unwrap_or_default();
            format!(
                "<tr><td><a href=\"/r/{}/{id}\">{}</a></td><td>{}</td></tr>",
                child.name,
                escape(&view.title(child, no, row)),
                second(view, no, child, link, row)
            )
        })
        .collect();
    format!(
        "<section class=\"card\"><h2>{} {} <span class=\"soft\">({})</span></h2><table>{lines}</table></section>",
        badge(child),
        escape(&child.label_plural),
        rows.len()
    )
}

/// What says most about a related record beside its name. A campaign member's name is the lead's or contact's.
fn second(view: &View<'_>, no: ObjectNo, child: &ObjectDef, link: &FieldDef, row: &Row) -> String {
    ["CampaignId", "Status", "StageName", "Email", "Title", "Type", "CreatedDate"]
        .iter()
        .filter(|name| **name != &*link.name)
        .filter_map(|name| child.field_named(name))
        .map(|(field_no, field)| view.field(no, row, field_no, field))
        .find(|value| !value.is_empty())
        .unwrap_or_default()
}
