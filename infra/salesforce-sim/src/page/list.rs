//! The list view of an object: the last changed first, searched by name, and the recycle bin.

use super::show::View;
use super::{badge, frame, latest};
use crate::http::html::escape;
use crate::http::reply::Reply;
use crate::http::request::Call;
use crate::org::{Cell, Row, folded};
use crate::schema::{FieldDef, FieldNo, FieldType, ObjectDef, ObjectNo};

/// Records on one page.
const PER_PAGE: usize = 50;
/// Columns beside the name, of those below that the object has.
const MOST_COLUMNS: usize = 6;
const COLUMNS: &[&str] = &[
    "Company",
    "AccountId",
    "CampaignId",
    "LeadId",
    "ContactId",
    "Title",
    "Email",
    "Username",
    "Status",
    "StageName",
    "WhoId",
    "StartDateTime",
    "ActivityDate",
    "Priority",
    "Type",
    "Phone",
    "City",
    "BillingCity",
    "Field",
    "OldValue",
    "NewValue",
    "SobjectType",
    "Label",
    "MasterLabel",
    "IsActive",
    "IsDefault",
    "OwnerId",
];

/// What a list shows.
struct Wanted<'a> {
    page: usize,
    search: &'a str,
    bin: bool,
}

pub(super) fn render(view: &View<'_>, sobject: &str, call: &Call) -> Option<Reply> {
    let (no, object) = view.org.schema().object_named(sobject)?;
    let wanted = Wanted {
        page: call.param("page").and_then(|page| page.parse().ok()).unwrap_or(1).max(1),
        search: call.param("q").unwrap_or_default().trim(),
        bin: call.param("bin") == Some("1"),
    };
    let needle: String = folded(wanted.search).collect();
    let found: Vec<&Row> = latest(view.org, no, wanted.bin).filter(|row| contains(object, row, &needle)).collect();
    let shown = found.iter().skip((wanted.page - 1).saturating_mul(PER_PAGE)).take(PER_PAGE);
    let columns = columns(object);
    let head: String = columns.iter().map(|(_, field)| format!("<th>{}</th>", escape(&heading(field)))).collect();
    let rows: String = shown.map(|row| line(view, no, object, &columns, row)).collect();
    let changed = if object.known.modstamp.is_some() { "<th>Changed</th>" } else { "" };
    let table = if rows.is_empty() {
        "<p class=\"soft\">No records.</p>".to_owned()
    } else {
        format!("<div class=\"scroll\"><table class=\"list\"><tr><th>{}</th>{head}{changed}</tr>{rows}</table></div>", escape(&name_heading(object)))
    };
    let body = format!("{}<section class=\"card\">{table}{}</section>", top(object, &wanted, found.len()), pager(object, &wanted, found.len()));
    Some(frame(view, &object.label_plural, &object.name, &body))
}

fn contains(object: &ObjectDef, row: &Row, needle: &str) -> bool {
    if needle.is_empty() {
        return true;
    }
    let fields = [object.known.name, object.field_no("Email"), object.field_no("Company")];
    fields.into_iter().flatten().any(|field| match row.get(field) {
        Cell::Text(text) => folded(&text).collect::<String>().contains(needle),
        _ => false,
    })
}

fn columns(object: &ObjectDef) -> Vec<(FieldNo, &FieldDef)> {
    let found = COLUMNS.iter().filter_map(|name| object.field_named(name)).filter(|(no, _)| Some(*no) != object.known.name);
    found.take(MOST_COLUMNS).collect()
}

/// `Owner ID` is the heading of a column of names.
fn heading(field: &FieldDef) -> String {
    match field.kind {
        FieldType::Reference => field.label.strip_suffix(" ID").unwrap_or(&field.label).to_owned(),
        _ => field.label.to_string(),
    }
}

fn name_heading(object: &ObjectDef) -> String {
    object.known.name.and_then(|field| object.field(field)).map_or_else(|| "Record".to_owned(), |field| field.label.to_string())
}

fn line(view: &View<'_>, no: ObjectNo, object: &ObjectDef, columns: &[(FieldNo, &FieldDef)], row: &Row) -> String {
    let id = row.id().map(|id| id.to_string()).unwrap_or_default();
    let cells: String = columns.iter().map(|(field_no, field)| format!("<td>{}</td>", view.field(no, row, *field_no, field))).collect();
    let stamp = object.known.modstamp.map(|field| row.get(field).as_millis().map(|at| view.time(at)).unwrap_or_default());
    let changed = stamp.map(|time| format!("<td>{time}</td>")).unwrap_or_default();
    format!("<tr><td><a href=\"/r/{}/{id}\">{}</a></td>{cells}{changed}</tr>", object.name, escape(&view.title(object, no, row)))
}

fn top(object: &ObjectDef, wanted: &Wanted<'_>, count: usize) -> String {
    let name = &object.name;
    let (kind, other) = if wanted.bin {
        ("in the recycle bin", format!("<a href=\"/o/{name}\">All</a>"))
    } else {
        ("", format!("<a href=\"/o/{name}?bin=1\">Recycle bin</a>"))
    };
    let bin = if wanted.bin { "<input type=\"hidden\" name=\"bin\" value=\"1\">" } else { "" };
    format!(
        "<section class=\"head\">{}<div><p class=\"soft\">{}</p><h1>{}</h1><p class=\"soft\">{count} {} {kind}</p></div>\
         <form class=\"search\" method=\"get\">{bin}<input name=\"q\" value=\"{}\" placeholder=\"Search name, e-mail, company\" aria-label=\"Search\"></form>\
         {other}</section>",
        badge(object),
        escape(name),
        escape(&object.label_plural),
        if count == 1 { "record" } else { "records" },
        escape(wanted.search),
    )
}

fn pager(object: &ObjectDef, wanted: &Wanted<'_>, count: usize) -> String {
    let pages = count.div_ceil(PER_PAGE).max(1);
    if pages == 1 {
        return String::new();
    }
    let query = percent_encoding::utf8_percent_encode(wanted.search, percent_encoding::NON_ALPHANUMERIC);
    let bin = if wanted.bin { "&amp;bin=1" } else { "" };
    let turn = |to: usize, word: &str| format!("<a href=\"/o/{}?page={to}&amp;q={query}{bin}\">{word}</a>", object.name);
    let back = if wanted.page > 1 { turn(wanted.page - 1, "← Newer") } else { String::new() };
    let on = if wanted.page < pages { turn(wanted.page + 1, "Older →") } else { String::new() };
    format!("<p class=\"pager\">{back}<span class=\"soft\">Page {} of {pages}</span>{on}</p>", wanted.page)
}
