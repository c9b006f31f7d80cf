//! Questions for contacts and companies. Conditions are joined by AND only: how others nest over HTTP is not documented.

use jiff::Timestamp;
use url::form_urlencoded;

use super::BATCH;

/// A column of the table of contacts, or of companies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// `id`.
    Id,
    /// `date_added`, UTC and to the second.
    Added,
    /// `date_modified`, likewise; null before the first edit.
    Modified,
    /// `email` of contacts.
    Email,
}

impl Column {
    const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Added => "date_added",
            Self::Modified => "date_modified",
            Self::Email => "email",
        }
    }
}

/// A page of contacts or companies that meet conditions, in the order of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    conditions: Vec<(Column, &'static str, String)>,
    order: Column,
}

impl Query {
    /// The first in the order of a column.
    #[must_use]
    pub const fn by(order: Column) -> Self {
        Self { conditions: Vec::new(), order }
    }

    /// Only those whose column equals a value.
    #[must_use]
    pub fn equals(self, column: Column, value: impl Into<String>) -> Self {
        self.with(column, "eq", value.into())
    }

    /// Only those whose column is later or greater.
    #[must_use]
    pub fn after(self, column: Column, value: impl Into<String>) -> Self {
        self.with(column, "gt", value.into())
    }

    /// Only those whose column is as late at least.
    #[must_use]
    pub fn from(self, column: Column, value: impl Into<String>) -> Self {
        self.with(column, "gte", value.into())
    }

    fn with(mut self, column: Column, expr: &'static str, value: String) -> Self {
        self.conditions.push((column, expr, value));
        self
    }

    pub(super) fn text(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (n, (column, expr, value)) in self.conditions.iter().enumerate() {
            query.append_pair(&format!("where[{n}][col]"), column.name());
            query.append_pair(&format!("where[{n}][expr]"), expr);
            query.append_pair(&format!("where[{n}][val]"), value);
        }
        query.append_pair("orderBy", self.order.name()).append_pair("orderByDir", "ASC").append_pair("limit", &BATCH.to_string());
        query.finish()
    }
}

/// A time as a condition has it.
#[must_use]
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_written_as_mautic_reads_it() {
        let at = "2026-09-01T08:00:00Z".parse().unwrap_or_default();
        let text = Query::by(Column::Id).equals(Column::Modified, moment(at)).after(Column::Id, "47").text();
        let read: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        let want = [
            ("where[0][col]", "date_modified"),
            ("where[0][expr]", "eq"),
            ("where[0][val]", "2026-09-01 08:00:00"),
            ("where[1][col]", "id"),
            ("where[1][expr]", "gt"),
            ("where[1][val]", "47"),
            ("orderBy", "id"),
            ("orderByDir", "ASC"),
            ("limit", "200"),
        ];
        assert_eq!(read, want.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
