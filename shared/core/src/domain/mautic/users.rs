//! The users of a Mautic. It shows owners by their user names and takes them by their ids, while Salesforce's users go by e-mail address.
//!
//! Source: Mautic 5, `UserBundle/Entity/User.php` (names and addresses are unique) and `UserBundle/Form/Type/UserListType.php` (who is not
//! published owns nothing new).

use serde_json::Value;

use crate::domain::event::normalise_email;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct User {
    id: u64,
    name: String,
    email: String,
    published: bool,
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Users(Vec<User>);

impl Users {
    /// Reads the users of an answer; what is none is left out.
    #[must_use]
    pub fn parse(users: &[Value]) -> Self {
        let text = |user: &Value, name: &str| user.get(name).and_then(Value::as_str).map(str::to_owned);
        let read = |user: &Value| {
            let published = user.get("isPublished").and_then(Value::as_bool).unwrap_or(true);
            Some(User { id: user.get("id")?.as_u64()?, name: text(user, "username")?, email: normalise_email(&text(user, "email")?), published })
        };
        Self(users.iter().filter_map(read).collect())
    }

    /// The normalised address of the user who is called so, or has that address; also of one who is not published any more.
    #[must_use]
    pub fn email(&self, owner: &str) -> Option<&str> {
        self.find(owner, |_| true).map(|user| user.email.as_str())
    }

    /// The id of the published user who has the address, or is called so.
    #[must_use]
    pub fn id(&self, owner: &str) -> Option<u64> {
        self.find(owner, |user| user.published).map(|user| user.id)
    }

    fn find(&self, owner: &str, may: impl Fn(&User) -> bool) -> Option<&User> {
        let (name, email) = (owner.trim(), normalise_email(owner));
        let called = |user: &&User| may(user) && user.name.eq_ignore_ascii_case(name);
        self.0.iter().find(called).or_else(|| self.0.iter().find(|user| may(user) && user.email == email))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_user_is_known_by_name_and_by_address_and_owns_only_while_published() {
        let users = Users::parse(&[
            json!({"id": 1, "username": "admin", "email": "Admin@Example.com"}),
            json!({"id": 2, "username": "anne", "email": "anne@kayo.fr", "isPublished": true}),
            json!({"id": 3, "username": "paul", "email": "paul@kayo.fr", "isPublished": false}),
            json!({"id": 4, "username": "nobody"}),
        ]);
        for (owner, email, id) in [
            ("admin", Some("admin@example.com"), Some(1)),
            (" Anne@Kayo.fr", Some("anne@kayo.fr"), Some(2)),
            ("ANNE", Some("anne@kayo.fr"), Some(2)),
            ("paul", Some("paul@kayo.fr"), None),
            ("nobody", None, None),
            ("", None, None),
        ] {
            assert_eq!((users.email(owner), users.id(owner)), (email, id), "{owner}");
        }
    }
}
