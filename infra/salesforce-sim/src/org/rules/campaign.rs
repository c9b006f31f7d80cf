//! What is special about campaigns: the statuses of their members, and who is a member.
//!
//! Source: Object Reference, CampaignMember and CampaignMemberStatus.

use crate::doubts::MemberWithoutPerson;
use crate::error::ApiError;
use crate::id::Id;
use crate::org::cell::Cell;
use crate::org::row::{Draft, Row};
use crate::org::save::Change;
use crate::org::{Org, Session};
use crate::schema::ID_FIELD;

/// The statuses a new campaign has: label, whether it is the default, whether it means responded.
const STATUSES: &[(&str, bool, bool)] = &[("Sent", true, false), ("Responded", false, true)];

impl Org {
    pub(super) fn member_rules(&self, s: &Session, change: &mut Change) {
        self.refuse_converted(change, "LeadId");
        // A person that could not be read is reported already.
        if change.is_new() && !change.forced && change.errors.is_empty() {
            self.check_person(change);
        }
        self.take_status(s, change);
    }

    fn check_person(&self, change: &mut Change) {
        let lead = self.got(change, "LeadId").as_id();
        let contact = self.got(change, "ContactId").as_id();
        let (field, person) = match (lead, contact) {
            (Some(lead), None) => ("LeadId", lead),
            (None, Some(contact)) => ("ContactId", contact),
            (None, None) => {
                let code = match self.doubts().member_without_person {
                    MemberWithoutPerson::RequiredFieldMissing => "REQUIRED_FIELD_MISSING",
                    MemberWithoutPerson::FieldIntegrityException => "FIELD_INTEGRITY_EXCEPTION",
                };
                change.errors.push(ApiError::new(400, code, "You must specify a Lead or Contact").about(["LeadId", "ContactId"]));
                return;
            }
            (Some(_), Some(_)) => {
                change.errors.push(ApiError::integrity("A campaign member is either a lead or a contact.", &["ContactId"]));
                return;
            }
        };
        let campaign = self.got(change, "CampaignId").clone();
        let already = self.referring(change.object, field, person).any(|(_, row)| self.named(change.object, row, "CampaignId") == campaign);
        if already {
            let error = ApiError::new(400, "DUPLICATE_VALUE", "Already a campaign member.");
            change.errors.push(error.about::<_, String>([]));
        }
    }

    /// Gives a member the campaign's default status where it brings none, and works out what the
    /// status means.
    fn take_status(&self, s: &Session, change: &mut Change) {
        let Some(campaign) = self.got(change, "CampaignId").as_id() else {
            return;
        };
        let wanted = self.got(change, "Status").as_text().map(str::to_owned);
        let statuses = self.places.member_status;
        let found = self.referring(statuses, "CampaignId", campaign).find(|(_, row)| match &wanted {
            Some(label) => {
                let own = self.named(statuses, row, "Label");
                own.as_text().is_some_and(|own| crate::org::cell::same_text(own, label))
            }
            None => self.named(statuses, row, "IsDefault").is_true(),
        });
        let Some((_, status)) = found else {
            if let Some(label) = wanted.filter(|_| self.is_changed(change, "Status")) {
                let message = format!("Status: bad value for restricted picklist field: {label}");
                let error = ApiError::new(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message);
                change.errors.push(error.about(["Status"]));
            }
            return;
        };
        let label = self.named(statuses, status, "Label").into_owned();
        let responded = self.named(statuses, status, "HasResponded").is_true();
        self.put(change, "Status", label);
        self.put(change, "HasResponded", Cell::Bool(responded));
        if responded && self.got(change, "FirstRespondedDate").is_null() {
            self.put(change, "FirstRespondedDate", self.today(s));
        }
    }

    /// Gives a new campaign the standard statuses.
    pub(in crate::org) fn give_statuses(&mut self, s: &Session, campaign: Id) {
        for (order, (label, default, responded)) in (1..).zip(STATUSES) {
            self.add_status(s, campaign, label, order, *default, *responded);
        }
    }

    /// Adds a status that members of a campaign may have.
    pub(in crate::org) fn add_status(&mut self, s: &Session, campaign: Id, label: &str, order: i64, default: bool, responded: bool) {
        let object = self.places.member_status;
        let Some(id) = self.table_mut(object).map(|table| table.next_id()) else {
            return;
        };
        let mut draft: Draft = [(ID_FIELD, Cell::Id(id))].into_iter().collect();
        let values = [
            ("CampaignId", Cell::Id(campaign)),
            ("Label", Cell::text(label.to_owned())),
            ("SortOrder", Cell::whole(order)),
            ("IsDefault", Cell::Bool(default)),
            ("HasResponded", Cell::Bool(responded)),
            ("CreatedDate", Cell::instant(s.now)),
            ("CreatedById", Cell::Id(s.user)),
        ];
        for (name, cell) in values {
            if let Some(field) = self.field_no(object, name) {
                draft.insert(field, cell);
            }
        }
        self.stamp(s, object, &mut draft);
        self.put_row(object, id, Row::pack(&draft));
    }

    /// A campaign has one default status: a new one takes the place of the old one.
    pub(super) fn keep_one_default(&mut self, s: &Session, change: &Change) {
        let object = change.object;
        if !self.got(change, "IsDefault").is_true() {
            return;
        }
        let (Some(campaign), Some(field)) = (self.got(change, "CampaignId").as_id(), self.field_no(object, "IsDefault")) else {
            return;
        };
        let others: Vec<_> = self
            .referring(object, "CampaignId", campaign)
            .filter(|(_, row)| row.id() != Some(change.id) && row.get(field).is_true())
            .map(|(slot, row)| (slot, row.unpack()))
            .collect();
        for (slot, mut draft) in others {
            draft.insert(field, Cell::Bool(false));
            self.stamp(s, object, &mut draft);
            self.change_row(object, slot, Row::pack(&draft));
        }
    }
}
