//! Mautic as a platform: what its contacts and companies say, and how what Salesforce has changed is said to it.
//!
//! Pure. The wire is the adapter's, which knows paths and statuses and no people.

mod change;
mod company;
mod contact;
mod problem;
mod users;

pub use change::{Change, Whose};
pub use company::Company;
pub use contact::{Contact, person};
pub use problem::{owner_unknown, problem};
pub use users::Users;

/// The channel whose "do not contact" Salesforce has a field for.
pub const EMAIL: &str = "email";
/// The attribute that says whether e-mail is not to be used.
const DO_NOT_CONTACT: &str = "do_not_contact";
/// The attribute with a contact's owner: in webhooks and answers the user name, and what becomes of it the e-mail address.
pub const OWNER: &str = "owner";

/// Whether a contact's attribute has a meaning of its own, so that nothing else may be written into it.
#[must_use]
pub fn is_kept(alias: &str) -> bool {
    change::KEPT.contains(&alias) || [EMAIL, DO_NOT_CONTACT, OWNER].contains(&alias)
}

/// Whether the same holds of an attribute of a company.
#[must_use]
pub fn is_kept_company(alias: &str) -> bool {
    ["id", "name", OWNER, company::NAME_FIELD].contains(&alias)
}

/// Whether an attribute, by its path, is told of a contact or a company beside its fields.
#[must_use]
pub fn is_beside(path: &str) -> bool {
    let of_person = |alias: &str| change::KEPT.contains(&alias) || [DO_NOT_CONTACT, OWNER, "points"].contains(&alias);
    [crate::domain::company::ID, "company.owner"].contains(&path) || path.strip_prefix("person.").is_some_and(of_person)
}
