//! The org for people: `GET /` lists objects and what changed last, `/o/X` the records of an object, `/r/X/ID` one record
//! with its activities. Works as for the first user, but shows every field, and needs no login: it is a window into a
//! simulator, not part of Salesforce.

mod home;
mod list;
mod record;
mod show;
mod timeline;

use http::Method;

use crate::http::html::{escape, page};
use crate::http::reply::Reply;
use crate::http::request::{Call, HostRole};
use crate::id::Id;
use crate::org::Org;
use crate::schema::{ObjectDef, ObjectNo};
use crate::service::World;
use show::View;

/// The objects that have a tab, where a real org's sales app has them.
const TABS: &[&str] = &["Lead", "Contact", "Account", "Campaign", "Event", "Task", "Opportunity"];

/// Answers a page.
pub(crate) fn handle(world: &mut World, call: &Call) -> Reply {
    let Some(user) = world.org.users().next().map(|user| user.id) else {
        return missing("This org has no user.");
    };
    let s = world.org.edit_as(user);
    let view = View { org: &world.org, zone: world.org.zone(&s) };
    if call.method != Method::GET && call.method != Method::HEAD {
        return missing("Pages are only read.");
    }
    let parts: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let found = match parts.as_slice() {
        [] if call.host == HostRole::Login => Some(Reply::redirect(format!("{}/", world.instance_url))),
        [] => Some(home::render(&view)),
        ["o", sobject] => list::render(&view, sobject, call),
        ["r", sobject, id] => record::render(&view, sobject, id),
        ["lightning", "r", sobject, id, "view"] => Some(Reply::redirect(format!("/r/{sobject}/{id}"))),
        ["lightning", "o", sobject, ..] => Some(Reply::redirect(format!("/o/{sobject}"))),
        [id] => by_id(&view, id),
        _ => None,
    };
    found.unwrap_or_else(|| missing("There is no such page."))
}

fn by_id(view: &View<'_>, id: &str) -> Option<Reply> {
    let id = Id::parse(id).ok()?;
    let (_, object) = view.org.schema().by_prefix(id.prefix())?;
    Some(Reply::redirect(format!("/r/{}/{id}", object.name)))
}

fn missing(text: &str) -> Reply {
    let body = format!("<main><section class=\"card\"><h1>Not found</h1><p>{}</p><p><a href=\"/\">To the org</a></p></section></main>", escape(text));
    page(404, "Not found | Simulated Salesforce", &body)
}

/// A page of the org: its name, the tabs, and what is shown.
fn frame(view: &View<'_>, title: &str, current: &str, body: &str) -> Reply {
    let tabs: String = TABS
        .iter()
        .filter_map(|name| view.org.schema().object_named(name))
        .map(|(_, object)| {
            let here = if &*object.name == current { " class=\"here\"" } else { "" };
            format!("<a href=\"/o/{}\"{here}>{}</a>", object.name, escape(&object.label_plural))
        })
        .collect();
    let home = if current.is_empty() { " class=\"here\"" } else { "" };
    let header = format!(
        "<header><div class=\"bar\"><a class=\"brand\" href=\"/\">{}</a><span class=\"soft\">simulated org</span></div>\
         <nav><a href=\"/\"{home}>Home</a>{tabs}</nav></header>",
        escape(&view.org.organization().name)
    );
    page(200, &format!("{title} | Simulated Salesforce"), &format!("{header}<main>{body}</main>"))
}

/// The coloured square of an object: two letters of its label.
fn badge(object: &ObjectDef) -> String {
    let letters: String = object.label.chars().filter(|letter| letter.is_alphanumeric()).take(2).collect();
    format!("<span class=\"badge {}\" aria-hidden=\"true\">{}</span>", object.name.to_lowercase(), escape(&letters))
}

/// All live records of an object, the last changed first where the object has that stamp.
fn latest<'a>(org: &'a Org, no: ObjectNo, deleted: bool) -> Box<dyn Iterator<Item = &'a crate::org::Row> + 'a> {
    let Some(table) = org.table(no) else {
        return Box::new(std::iter::empty());
    };
    let walk = org.object(no).and_then(|object| object.known.modstamp).and_then(|field| table.walk(field, i64::MIN, i64::MAX));
    match walk {
        Some(walk) => Box::new(walk.rev().filter_map(|slot| table.get(slot)).filter(move |row| org.is_deleted(no, row) == deleted)),
        None => Box::new(table.iter().map(|(_, row)| row).filter(move |row| org.is_deleted(no, row) == deleted)),
    }
}
