//! Error texts of queries, with the place they are about.
//!
//! Source of the form: recorded answers.
//!
//! ```text
//!
//! SELECT Nope FROM Lead
//!        ^
//! ERROR at Row:1:Column:8
//! No such column 'Nope' on entity 'Lead'. …
//! ```

use crate::error::ApiError;

/// Characters shown on either side of the place in a long row.
const AROUND: usize = 60;

/// An error about the byte `at` of a query.
pub(super) fn at(query: &str, at: usize, code: &'static str, message: &str) -> ApiError {
    ApiError::new(400, code, located(query, at, message))
}

fn located(query: &str, at: usize, message: &str) -> String {
    let before = query.get(..at).unwrap_or(query);
    let row = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(start..).unwrap_or_default().chars().count();
    let line = query.get(start..).unwrap_or_default();
    let line = line.lines().next().unwrap_or_default();
    let cut = column.saturating_sub(AROUND);
    let shown: String = line.chars().skip(cut).take(column - cut + AROUND).collect();
    let pointer = " ".repeat(column - cut);
    let column = column + 1;
    format!("\n{shown}\n{pointer}^\nERROR at Row:{row}:Column:{column}\n{message}")
}

/// A token that cannot stand where it stands.
pub(super) fn unexpected(query: &str, place: usize, token: &str) -> ApiError {
    at(query, place, "MALFORMED_QUERY", &format!("unexpected token: '{token}'"))
}

/// A field that the object does not have, or that the user may not see.
pub(crate) fn no_column(query: &str, place: usize, column: &str, entity: &str) -> ApiError {
    at(
        query,
        place,
        "INVALID_FIELD",
        &format!(
            "No such column '{column}' on entity '{entity}'. If you are attempting to use a custom \
             field, be sure to append the '__c' after the custom field name. Please reference your \
             WSDL or the describe call for the appropriate names."
        ),
    )
}

/// A relationship that the object does not have.
pub(super) fn no_relationship(query: &str, place: usize, name: &str) -> ApiError {
    at(
        query,
        place,
        "INVALID_FIELD",
        &format!(
            "Didn't understand relationship '{name}' in field path. If you are attempting to use a \
             custom relationship, be sure to append the '__r' after the custom relationship name. \
             Please reference your WSDL or the describe call for the appropriate names."
        ),
    )
}

/// A child relationship that the object does not have.
pub(super) fn no_children(query: &str, place: usize, name: &str) -> ApiError {
    at(
        query,
        place,
        "INVALID_TYPE",
        &format!(
            "Didn't understand relationship '{name}' in FROM part of query call. If you are \
             attempting to use a custom relationship, be sure to append the '__r' after the custom \
             relationship name. Please reference your WSDL or the describe call for the \
             appropriate names."
        ),
    )
}

/// An object that the org does not have.
pub(super) fn no_object(query: &str, place: usize, name: &str) -> ApiError {
    at(
        query,
        place,
        "INVALID_TYPE",
        &format!(
            "sObject type '{name}' is not supported. If you are attempting to use a custom object, \
             be sure to append the '__c' after the entity name. Please reference your WSDL or the \
             describe call for the appropriate names."
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_shown_under_its_row() {
        let query = "SELECT Id\nFROM Lead\nWHERE Nope = 1";
        let place = query.find("Nope").unwrap_or_default();
        assert_eq!(located(query, place, "What?"), "\nWHERE Nope = 1\n      ^\nERROR at Row:3:Column:7\nWhat?");
        assert_eq!(located("SELECT Id FROM", 14, "What?"), "\nSELECT Id FROM\n              ^\nERROR at Row:1:Column:15\nWhat?");
    }

    #[test]
    fn a_long_row_is_cut() {
        let query = format!("SELECT {}Nope FROM Lead", "Id,".repeat(100));
        let place = query.find("Nope").unwrap_or_default();
        let text = located(&query, place, "What?");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.get(2).map(|pointer| pointer.find('^')), Some(Some(60)));
        assert!(text.contains("Column:308"));
    }
}
