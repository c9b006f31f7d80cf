//! The users: what logging in, owning and date literals need to know of them.
//!
//! The user records in the store are the truth; what is here follows them.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::{Org, Session};
use crate::id::Id;
use crate::org::cell::Cell;
use crate::org::row::Row;
use crate::seed::Permissions;

/// A user as the login pages and the token endpoint need to know it.
#[derive(Clone, Debug)]
pub struct User {
    /// The record id.
    pub id: Id,
    /// The login name.
    pub username: String,
    /// The password in the clear: this org holds no real ones.
    pub password: String,
    /// The address.
    pub email: String,
    /// May be empty.
    pub first_name: String,
    /// The family name.
    pub last_name: String,
    /// First and last name.
    pub name: String,
    /// Whether the user may log in.
    pub active: bool,
    /// For example `fr_FR`.
    pub locale: String,
    /// For example `fr`.
    pub language: String,
    /// An IANA name.
    pub time_zone: String,
    /// The profile's name.
    pub profile: String,
    /// What the user may do.
    pub permissions: Permissions,
    pub(crate) zone: TimeZone,
}

/// All users, in the order of their ids, which is the order of their making.
pub(super) type Users = BTreeMap<Id, User>;

impl Org {
    /// The user with this id.
    #[must_use]
    pub fn user(&self, id: &Id) -> Option<&User> {
        self.users.get(id)
    }

    /// All users in the order of their making.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.users.values()
    }

    /// The user with this login name, letter case aside.
    #[must_use]
    pub fn user_by_name(&self, username: &str) -> Option<&User> {
        self.users().find(|user| user.username.eq_ignore_ascii_case(username))
    }

    /// Switches a user on or off, as an administrator would.
    pub fn set_user_active(&mut self, id: &Id, active: bool) {
        self.set_user_cell(id, "IsActive", Cell::Bool(active));
    }

    /// Changes a text of a user, such as the language, as an administrator would.
    pub fn set_user_text(&mut self, id: &Id, field: &str, text: &str) {
        self.set_user_cell(id, field, Cell::text(text.to_owned()));
    }

    fn set_user_cell(&mut self, id: &Id, field: &str, cell: Cell<'static>) {
        let Some((object, slot, row)) = self.find(id) else {
            return;
        };
        let Some(field) = self.field_no(object, field) else {
            return;
        };
        let mut draft = row.unpack();
        draft.insert(field, cell);
        let s = Session::new(*id, self.now());
        self.stamp(&s, object, &mut draft);
        self.change_row(object, slot, Row::pack(&draft));
    }

    /// Changes what a user may do, as an administrator would.
    pub fn set_user_permissions(&mut self, id: &Id, permissions: Permissions) {
        if let Some(user) = self.users.get_mut(id) {
            user.permissions = permissions;
        }
    }

    /// What the running user may do; nothing special for an unknown one.
    pub(crate) fn permissions(&self, s: &Session) -> Permissions {
        const NONE: Permissions = Permissions {
            api_enabled: false,
            modify_all_data: false,
            view_all_data: false,
            marketing_user: false,
            approve_uninstalled_apps: false,
            edit_converted_leads: false,
            customize_application: false,
            set_audit_fields: false,
        };
        self.user(&s.user).map_or(NONE, |user| user.permissions)
    }

    /// The running user's time zone: date literals and the days of events are read in it.
    pub(crate) fn zone(&self, s: &Session) -> TimeZone {
        self.user(&s.user).map_or(TimeZone::UTC, |user| user.zone.clone())
    }

    /// Makes the entry of a user follow the user's record. A password and permissions stay; a user
    /// made through the API starts with the default permissions and the password `password`.
    pub(super) fn follow_user(&mut self, id: Id) {
        let Some((object, _, row)) = self.find(&id) else {
            self.users.remove(&id);
            return;
        };
        let text = |name: &str| -> String {
            self.field_no(object, name).map(|field| row.get(field)).and_then(|cell| cell.as_text().map(str::to_owned)).unwrap_or_default()
        };
        let profile = self.field_no(object, "ProfileId").and_then(|field| row.get(field).as_id()).and_then(|id| self.name_of(&id));
        let known = self.users.get(&id);
        let time_zone = text("TimeZoneSidKey");
        let user = User {
            id,
            username: text("Username"),
            password: known.map_or_else(|| "password".to_owned(), |known| known.password.clone()),
            email: text("Email"),
            first_name: text("FirstName"),
            last_name: text("LastName"),
            name: text("Name"),
            active: self.field_no(object, "IsActive").is_some_and(|field| row.get(field).is_true()),
            locale: text("LocaleSidKey"),
            language: text("LanguageLocaleKey"),
            zone: TimeZone::get(&time_zone).unwrap_or(TimeZone::UTC),
            time_zone,
            profile: profile.unwrap_or_default(),
            permissions: known.map_or_else(Permissions::default, |known| known.permissions),
        };
        self.users.insert(id, user);
    }

    pub(super) fn set_password(&mut self, id: &Id, password: &str) {
        if let Some(user) = self.users.get_mut(id) {
            password.clone_into(&mut user.password);
        }
    }
}
