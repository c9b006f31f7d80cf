//! What an org's administrators switch on while it lives: person accounts.

use super::Org;
use crate::schema::person_account_field;

impl Org {
    /// Switches person accounts on: an org never goes back from there.
    pub fn enable_person_accounts(&mut self) {
        self.organization.person_accounts = true;
        self.show_person_accounts();
    }

    pub(super) fn show_person_accounts(&mut self) {
        let now = self.clock.now();
        if let Some(def) = self.schema.object_mut(self.places.account) {
            // Where the field is there already, person accounts are on.
            if def.add(person_account_field()).is_ok() {
                def.changed = now;
            }
        }
    }
}
