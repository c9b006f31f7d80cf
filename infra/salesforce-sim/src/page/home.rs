//! The first page: what changed last, all objects, all users.

use super::show::View;
use super::{badge, frame, latest};
use crate::http::html::escape;
use crate::http::reply::Reply;
use crate::org::Row;
use crate::schema::{ObjectDef, ObjectNo};

/// Lines of what changed last.
const RECENT: usize = 12;

pub(super) fn render(view: &View<'_>) -> Reply {
    let organization = view.org.organization();
    let body = format!(
        "<section class=\"head\"><div><p class=\"soft\">{}</p><h1>{}</h1></div><code>{}</code></section>\
         <div class=\"columns\"><div class=\"wide\">{}</div><div class=\"side\">{}{}</div></div>",
        escape(&organization.edition),
        escape(&organization.name),
        view.org.organization_id(),
        recent(view),
        objects(view),
        users(view),
    );
    frame(view, &organization.name, "", &body)
}

/// What people and programs make: not the org's own furniture.
fn recent(view: &View<'_>) -> String {
    let shown = super::TABS.iter().copied().chain(["CampaignMember"]);
    let mut lines: Vec<(i64, ObjectNo, &ObjectDef, &Row)> = shown
        .filter_map(|name| view.org.schema().object_named(name))
        .flat_map(|(no, object)| latest(view.org, no, false).take(RECENT).map(move |row| (no, object, row)))
        .filter_map(|(no, object, row)| Some((row.get(object.known.modstamp?).as_millis()?, no, object, row)))
        .collect();
    // Stable: of the same second, in the order of the tabs.
    lines.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
    let rows: String = lines.iter().take(RECENT).map(|(at, no, object, row)| recent_row(view, *at, *no, object, row)).collect();
    if rows.is_empty() {
        return "<section class=\"card\"><h2>Recently changed</h2><p class=\"soft\">Nothing has arrived yet.</p></section>".to_owned();
    }
    format!(
        "<section class=\"card\"><h2>Recently changed</h2><table><tr><th>Record</th><th>Object</th><th>By</th><th>Changed</th></tr>{rows}</table></section>"
    )
}

fn recent_row(view: &View<'_>, at: i64, no: ObjectNo, object: &ObjectDef, row: &Row) -> String {
    let id = row.id().map(|id| id.to_string()).unwrap_or_default();
    format!(
        "<tr><td>{} <a href=\"/r/{}/{id}\">{}</a></td><td class=\"soft\">{}</td><td>{}</td><td>{}</td></tr>",
        badge(object),
        object.name,
        escape(&view.title(object, no, row)),
        escape(&object.label),
        view.named(no, row, "LastModifiedById"),
        view.time(at),
    )
}

fn objects(view: &View<'_>) -> String {
    let mut objects: Vec<(&ObjectDef, usize)> =
        view.org.schema().numbered().map(|(_, object)| (object, view.org.count(&object.name).unwrap_or(0))).collect();
    objects.sort_by_key(|(object, count)| (*count == 0, !super::TABS.contains(&&*object.name), object.label_plural.clone()));
    let rows: String = objects
        .iter()
        .map(|(object, count)| {
            let empty = if *count == 0 { " class=\"soft\"" } else { "" };
            format!(
                "<tr{empty}><td><a href=\"/o/{0}\" title=\"{0}\">{1}</a></td><td class=\"n\">{count}</td></tr>",
                object.name,
                escape(&object.label_plural)
            )
        })
        .collect();
    format!("<section class=\"card\"><h2>Objects</h2><table><tr><th>Object</th><th class=\"n\">Records</th></tr>{rows}</table></section>")
}

fn users(view: &View<'_>) -> String {
    let rows: String = view
        .org
        .users()
        .map(|user| {
            let state = if user.active { "" } else { " <span class=\"tag\">inactive</span>" };
            format!("<tr><td>{}{state}<br><span class=\"soft\">{}</span></td></tr>", view.link(&user.id), escape(&user.username))
        })
        .collect();
    format!("<section class=\"card\"><h2>Users</h2><table>{rows}</table></section>")
}
