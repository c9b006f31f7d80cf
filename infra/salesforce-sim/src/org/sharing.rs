//! Sharing: a flag on a record hides it from a user, and with it everything that would show that it is there.
//!
//! Real sharing follows from owners, roles and rules; here a test or a seed says outright who does not see what.

use super::{Org, Session};
use crate::error::ApiError;
use crate::id::Id;

impl Org {
    /// Hides a record from a user.
    pub fn hide(&mut self, record: Id, user: Id) {
        self.hidden.entry(record).or_default().insert(user);
    }

    /// Shows a record to everybody again.
    pub fn show(&mut self, record: &Id) {
        self.hidden.remove(record);
    }

    /// Whether anything is hidden from anybody: most orgs hide nothing, and then no record need be opened to see it.
    pub(crate) fn hides_any(&self) -> bool {
        !self.hidden.is_empty()
    }

    pub(crate) fn is_hidden(&self, user: Id, record: &Id) -> bool {
        self.hides_any() && self.hidden.get(record).is_some_and(|users| users.contains(&user))
    }

    /// Refuses to show a hidden record: for the user it does not exist.
    pub(super) fn check_may_see(&self, s: &Session, record: Option<Id>) -> Result<(), ApiError> {
        match record {
            Some(id) if self.is_hidden(s.user, &id) => Err(ApiError::not_found()),
            _ => Ok(()),
        }
    }

    /// Refuses to touch a hidden record, or to refer to it.
    ///
    /// Source: REST API Developer Guide, "Status Codes and Error Responses".
    pub(super) fn check_may_reach(&self, s: &Session, record: Option<Id>) -> Result<(), ApiError> {
        match record {
            Some(id) if self.is_hidden(s.user, &id) => {
                let text = format!("insufficient access rights on cross-reference id: {}", self.quoted(&id));
                Err(ApiError::new(400, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", text).about::<_, String>([]))
            }
            _ => Ok(()),
        }
    }
}
