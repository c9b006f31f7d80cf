//! Values as people read them: names instead of ids, times in their zone, links where something can be followed.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::http::html::escape;
use crate::id::Id;
use crate::org::{Cell, Org, Row};
use crate::schema::{FieldDef, FieldNo, FieldType, ObjectDef, ObjectNo};

/// The org as the pages see it.
pub(super) struct View<'a> {
    pub org: &'a Org,
    /// The first user's.
    pub zone: TimeZone,
}

impl<'a> View<'a> {
    /// A field's value as HTML; empty where there is none.
    pub fn field(&self, no: ObjectNo, row: &'a Row, field_no: FieldNo, field: &FieldDef) -> String {
        self.cell(&self.org.value(no, row, field_no), field.kind)
    }

    /// The value of a named field as HTML.
    pub fn named(&self, no: ObjectNo, row: &'a Row, name: &str) -> String {
        let found = self.org.object(no).and_then(|object| object.field_named(name));
        found.map(|(field_no, field)| self.field(no, row, field_no, field)).unwrap_or_default()
    }

    fn cell(&self, cell: &Cell<'_>, kind: FieldType) -> String {
        match cell {
            Cell::Null => String::new(),
            Cell::Bool(true) => "<span class=\"yes\">✓</span>".to_owned(),
            Cell::Bool(false) => "<span class=\"soft\">–</span>".to_owned(),
            Cell::Id(id) => self.link(id),
            Cell::Instant(millis) => self.time(*millis),
            Cell::Text(text) if kind == FieldType::Email => format!("<a href=\"mailto:{0}\">{0}</a>", escape(text)),
            Cell::Text(text) if kind == FieldType::Url && text.starts_with("http") => {
                format!("<a href=\"{0}\" rel=\"noreferrer\">{0}</a>", escape(text))
            }
            Cell::Text(text) => format!("<span class=\"text\">{}</span>", escape(text)),
            Cell::Num(number) => escape(&number.to_string()),
            Cell::Day(_) => cell.as_date().map(|date| date.to_string()).unwrap_or_default(),
        }
    }

    /// An instant to the minute, with the second and the zone on hovering.
    pub fn time(&self, millis: i64) -> String {
        let at = Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(self.zone.clone());
        format!("<time title=\"{}\">{}</time>", escape(&at.to_string()), at.strftime("%Y-%m-%d %H:%M"))
    }

    /// The way to a record, under its name.
    pub fn link(&self, id: &Id) -> String {
        let Some((_, object)) = self.org.schema().by_prefix(id.prefix()) else {
            return format!("<code>{id}</code>");
        };
        let name = self.org.name_of(id).unwrap_or_else(|| id.to_string());
        format!("<a href=\"/r/{}/{id}\" title=\"{} {id}\">{}</a>", object.name, escape(&object.label), escape(&name))
    }

    /// What a record is called: its name, or its id where it has none.
    pub fn title(&self, object: &ObjectDef, no: ObjectNo, row: &Row) -> String {
        let name = object.known.name.map(|field| self.org.value(no, row, field)).and_then(|cell| cell.as_text().map(str::to_owned));
        name.or_else(|| row.id().map(|id| id.to_string())).unwrap_or_default()
    }
}
